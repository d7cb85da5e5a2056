#include "plugins/postgres/connection/dsn.hpp"

#include "sink_fixture.hpp"

namespace postgres_test {
namespace {

using postgres::Dsn;
using postgres::Redactor;

TEST(Redactor, RemovesASecretInEverySpelling) {
  Redactor redactor;
  redactor.add("p@ss'w\\rd");
  redactor.add("");
  EXPECT_EQ(redactor.scrub(
                "raw p@ss'w\\rd, uri p%40ss%27w%5Crd and p%40ss%27w%5crd, pair p@ss\\'w\\\\rd."),
            "raw ***, uri *** and ***, pair ***.");
  redactor.add("e");
  redactor.add("abc");
  EXPECT_EQ(redactor.scrub("abc, the end"), "abc, the end");
  EXPECT_EQ(redactor.scrub("p@ss"), "p@ss");
  EXPECT_EQ(redactor.scrub(""), "");
}

TEST(Redactor, SecretsMayContainEscapesAndEachOther) {
  Redactor redactor;
  redactor.add("%41%");
  redactor.add("\\\\//");
  redactor.add("secret");
  redactor.add("secretive");
  EXPECT_EQ(redactor.scrub("[%41%] [%2541%25] [\\\\//] [\\\\\\\\//] [secretive] [secretsecret]"),
            "[***] [***] [***] [***] [***] [******]");
}

// Parsing and redacting plausible connection strings.
TEST(DsnTest, KnowsItsPasswords) {
  const auto scrubbed = [](const char* dsn, const char* text) {
    return Dsn(dsn).redactor().scrub(text);
  };
  EXPECT_EQ(scrubbed("host=h password=hunter2 sslpassword='key pass'", "hunter2 key pass"),
            "*** ***");
  EXPECT_EQ(scrubbed("postgresql://u:p%40ss%2Fw@h:5432/db", "p@ss/w p%40ss%2Fw p%40ss/w"),
            "*** *** ***");
  EXPECT_EQ(scrubbed("postgres://h/db?user=u&password=hunter2", "hunter2"), "***");
  setenv("PGPASSWORD", "from-environment", 1);
  EXPECT_EQ(scrubbed("", "from-environment"), "***");
  unsetenv("PGPASSWORD");
}

TEST(DsnTest, TakesWhatLibpqTakes) {
  for (const char* text :
       {"", "host=h", "postgresql://", "postgres://h",
        "postgresql://u@h1:5432,h2:5433/db?sslmode=require", "postgresql://u:p%40@%2Fvar%2Frun/db",
        "host='a b' port=1,2", "postgresql:///db?user=u@tenant"}) {
    EXPECT_NO_THROW(Dsn{text}) << text;
  }
}

// Each mistake makes part of the password "Kq7xWz" look like another part of the dsn.
TEST(DsnTest, AMistypedDsnIsRefusedWithoutAWordOfIt) {
  for (const char* text :
       {"password=Kq7 xWz host=h", "password=a Kq7=xWz", "password='Kq7xWz", "Kq7xWz",
        "host=h port=Kq7xWz", "postgresql://u:Kq7@xWz@h/db", "postgresql://u:Kq7/xWz@h/db",
        "postgresql://u:9/Kq7xWz@h/db", "postgresql://u:Kq7xWz%zz@h/db",
        "postgresql://u:a/b?Kq7=xWz@h/db", "postgresql://u:Kq7xWz@h:5432x/db"}) {
    const etl::Error error = error_of([&] { static_cast<void>(Dsn(text)); });
    EXPECT_EQ(error.code(), etl::Code::config) << text;
    EXPECT_EQ(error.option(), "dsn") << text;
    EXPECT_LACKS(error.message(), "Kq7");
    EXPECT_LACKS(error.message(), "xWz");
  }
}

}  // namespace
}  // namespace postgres_test
