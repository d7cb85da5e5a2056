#include "template_stage.hpp"

ETL_PLUGIN("template_stage", "1.0.0", TemplateStage);
