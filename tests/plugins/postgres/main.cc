#include "sink_fixture.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // Ignore the servers that the caller's environment names.
  for (const char* name : {"PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD",
                           "PGPASSFILE", "PGSERVICE", "PGSSLMODE", "PGOPTIONS", "PGAPPNAME",
                           "PGCONNECT_TIMEOUT", "PGCLIENTENCODING", "PGTARGETSESSIONATTRS"}) {
    unsetenv(name);
  }
  const int result = RUN_ALL_TESTS();
  postgres_test::stop_cluster();
  return result;
}
