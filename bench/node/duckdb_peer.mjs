// DuckDB for a benchmark to be measured against. Reads one JSON object a line, {"sql": "..."}, runs it in one database in memory
// with two threads, and answers each with one: {"ms": time of the query, "rows": [[...], ...]} or {"error": "..."}.
import { createInterface } from 'node:readline';
import { DuckDBInstance } from '@duckdb/node-api';

const database = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await database.connect();

function plain(value) {
  return typeof value === 'bigint' ? Number(value) : value;
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { sql } = JSON.parse(line);
    const start = performance.now();
    const result = await connection.run(sql);
    const rows = await result.getRows();
    answer = { ms: performance.now() - start, rows: rows.map((row) => row.map(plain)) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
