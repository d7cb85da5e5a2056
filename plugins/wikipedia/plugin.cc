#include "plugins/wikipedia/language_filter.hpp"
#include "plugins/wikipedia/pageviews_source.hpp"

#include <etl/plugin.hpp>

ETL_PLUGIN("wikipedia", "1.0.0", wikipedia::PageviewsSource, wikipedia::LanguageFilter);
