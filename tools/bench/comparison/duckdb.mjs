// DuckDB's way: its own CSV reader over all files at once, into a table of its own file.
//
//   node duckdb.mjs load DATABASE CODE|- FILE...
//   node duckdb.mjs print DATABASE          every row as `hour code title views`
import { createRequire } from "node:module";

// The package lies where the script was told, not beside it.
const require = createRequire(process.env.BENCH_NODE_MODULES + "/");
const { DuckDBInstance } = require("@duckdb/node-api");

const text = (value) => "'" + value.replaceAll("'", "''") + "'";

async function load(connection, code, files) {
  const wanted = code === "-" ? "" : ` WHERE domain_code = ${text(code)}`;
  await connection.run(`
    CREATE TABLE pageviews AS
    SELECT strptime(regexp_extract(filename, '([0-9]{8}-[0-9]{2})0000', 1), '%Y%m%d-%H') - INTERVAL 1 HOUR AS hour,
           domain_code, title, views
    FROM read_csv([${files.map(text).join(", ")}], delim = ' ', quote = '', escape = '', header = false,
                  auto_detect = false, filename = true,
                  columns = {domain_code: 'VARCHAR', title: 'VARCHAR', views: 'BIGINT', size: 'BIGINT'})${wanted}`);
}

async function print(connection) {
  const result = await connection.stream(
    "SELECT strftime(hour, '%Y-%m-%d %H:%M:%S') || ' ' || domain_code || ' ' || title || ' ' || views FROM pageviews");
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const lines = chunk.getColumnValues(0).join("\n") + "\n";
    await new Promise((done) => process.stdout.write(lines, done));
  }
}

const [verb, database, code, ...files] = process.argv.slice(2);
const instance = await DuckDBInstance.create(database);
const connection = await instance.connect();
if (verb === "load") await load(connection, code, files);
else await print(connection);
connection.closeSync();
instance.closeSync();
