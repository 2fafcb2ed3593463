// Runs the commands and programs of docs/clients.md as they stand there, in order, against a suite without data, and compares what they
// print with the JSON below them, where "..." stands for anything. Only the ports are other ones.
//
//   node run_examples.mjs BINARIES
import {execFileSync, spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

const binaries = resolve(process.argv[2]);
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const tools = join(root, 'tests/integration/node/node_modules');
const folder = mkdtempSync(join(tmpdir(), 'perennial-examples-'));

const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const {port} = server.address();
    server.close(() => done(port));
  });
});

// Whether `answer` has all that `expected` has.
function matches(expected, answer) {
  if (expected === '...') return true;
  if (Array.isArray(expected)) {
    // The details of an error come in any order.
    return Array.isArray(answer) && (expected.includes('...') || expected.length === answer.length) &&
        expected.every((item) => item === '...' || answer.some((other) => matches(item, other)));
  }
  if (expected === null || typeof expected !== 'object') return expected === answer;
  return answer !== null && typeof answer === 'object' && Object.entries(expected).every(([key, value]) => matches(value, answer[key]));
}

const ports = {};
for (const name of ['accounts', 'health', 'segments', 'gateway', 'http']) ports[name] = await freePort();
const address = (name) => `localhost:${ports[name]}`;
const children = [];
function start(program, ...args) {
  children.push(spawn(join(binaries, program), args, {stdio: 'ignore'}));
  children.at(-1).on('error', (error) => console.log(`cannot start ${program}: ${error.message}`));
}
start('accounts-svc', `--port=${ports.accounts}`, `--data=${folder}/accounts`, '--metrics_port=-1');
start('health-svc', `--port=${ports.health}`, `--data=${folder}/health`, `--accounts=${address('accounts')}`, '--metrics_port=-1');
start('segment-svc', `--port=${ports.segments}`, `--data=${folder}/segments`, `--accounts=${address('accounts')}`, `--health=${address('health')}`,
      '--metrics_port=-1');
start('gateway', `--port=${ports.gateway}`, `--http_port=${ports.http}`, `--accounts=${address('accounts')}`, `--health=${address('health')}`,
      `--segments=${address('segments')}`);

let [passed, failed] = [0, 0];
try {
  execFileSync(join(binaries, 'perennial'), ['--gateway', address('gateway'), 'ready', '--wait', '60'], {stdio: 'inherit'});
  const page = readFileSync(join(root, 'docs/clients.md'), 'utf8');
  const examples = [...page.matchAll(/```(sh|js)\n([\s\S]*?)```(?:\s*```json\n([\s\S]*?)```)?/g)];
  for (const [, language, text, expected] of examples) {
    const code = text.replaceAll('localhost:50050', address('gateway')).replaceAll('localhost:8080', address('http'));
    const file = join(folder, `example.${language === 'js' ? 'cjs' : 'sh'}`);
    writeFileSync(file, code);
    const [program, ...before] = language === 'js' ? ['node'] : ['bash', '-euo', 'pipefail'];
    let good;
    let said;
    try {
      said = execFileSync(program, [...before, file], {
        cwd: root, encoding: 'utf8', timeout: 60000, stdio: ['ignore', 'pipe', 'pipe'],
        env: {...process.env, PATH: `${tools}/.bin:${process.env.PATH}`, NODE_PATH: tools},
      });
      good = expected === undefined ? said.trim() !== '' : matches(JSON.parse(expected), JSON.parse(said));
    } catch (error) {
      said = `${error.message}\n${error.stdout ?? ''}`;
      good = false;
    }
    good ? ++passed : ++failed;
    console.log(`${good ? 'PASS' : 'FAIL'} ${text.split('\n')[0]}${good ? '' : `\n${said}`}`);
  }
  if (examples.length < 4) {
    ++failed;
    console.log('FAIL found no examples');
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, {recursive: true, force: true, maxRetries: 5});
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
