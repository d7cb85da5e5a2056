#include "language_filter.hpp"
#include "pageviews_source.hpp"

#include <etl/plugin.hpp>

ETL_PLUGIN("wikipedia", "1.0.0", wikipedia::PageviewsSource, wikipedia::LanguageFilter);
