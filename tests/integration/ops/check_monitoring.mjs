// Holds alerts and dashboards against promtool and against what running processes really tell.
//
//   node check_monitoring.mjs BINARIES PROMTOOL
//
// Starts the suite with certificates and callers, on free ports, as some metrics are only there then.
import {execFileSync, spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

const {parse} = createRequire(new URL('../k8s/package.json', import.meta.url))('yaml');
const [binaries, promtool] = process.argv.slice(2).map((path) => resolve(path));
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const prometheus = join(root, 'ops/prometheus');
// What Prometheus and Kubernetes tell of us.
const kOfOthers = new Set(['up', 'kubelet_volume_stats_available_bytes', 'kubelet_volume_stats_capacity_bytes']);

let [passed, failed] = [0, 0];
function check(good, what, why = '') {
  good ? ++passed : ++failed;
  console.log(`${good ? 'PASS' : 'FAIL'} ${what}${good || !why ? '' : `: ${why}`}`);
}
function tool(what, args, options = {}) {
  try {
    execFileSync(promtool, args, {cwd: prometheus, stdio: ['pipe', 'pipe', 'pipe'], ...options});
    check(true, what);
  } catch (error) {
    check(false, what, `${error.stdout}${error.stderr}`);
  }
}

// The names of metrics in a query: what is left without texts, labels, durations and the names of labels.
function metricsOf(query) {
  const bare = query.replace(/"[^"]*"/g, '').replace(/\{[^}]*\}/g, '').replace(/\[[^\]]*\]/g, '')
                   .replace(/\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  return [...bare.matchAll(/[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])/g)].map(([name]) => name)
      .filter((name) => !['and', 'or', 'unless', 'bool', 'by', 'on'].includes(name));
}

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const {port} = server.address();
    server.close(() => resolve(port));
  });
});

// Starts everything in `folder`; gives the addresses of metrics by process, and what ends it.
async function startSuite(folder) {
  execFileSync(join(root, 'scripts/make-certificates'), [join(folder, 'certificates')]);
  writeFileSync(join(folder, 'tokens'), `monitor viewer ${createHash('sha256').update('secret').digest('hex')}\n`);
  const names = ['redis', 'accounts', 'health', 'segments', 'gateway', 'http', 'accountsMetrics', 'healthMetrics', 'segmentsMetrics'];
  const port = {};
  for (const name of names) port[name] = await freePort();
  const address = (name) => `localhost:${port[name]}`;
  const children = [];
  const start = (program, ...args) => {
    const tls = program === 'redis-server' ? [] : ['cert=tls.crt', 'key=tls.key', 'ca=ca.crt'].map((pair) => {
      const [flag, file] = pair.split('=');
      return `--tls_${flag}=${join(folder, 'certificates', program, file)}`;
    });
    const path = program === 'redis-server' ? program : join(binaries, program);
    children.push(spawn(path, [...tls, ...args], {cwd: folder, stdio: ['ignore', 'ignore', 'pipe']}));
    children.at(-1).on('error', (error) => console.log(`cannot start ${program}: ${error.message}`));
    children.at(-1).stderr.on('data', (text) => process.env.VERBOSE && process.stderr.write(text));
  };
  start('redis-server', '--port', String(port.redis), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no');
  start('accounts-svc', `--port=${port.accounts}`, `--data=${folder}/accounts`, `--metrics_port=${port.accountsMetrics}`);
  start('health-svc', `--port=${port.health}`, `--data=${folder}/health`, `--accounts=${address('accounts')}`, `--redis=127.0.0.1:${port.redis}`,
        `--metrics_port=${port.healthMetrics}`);
  start('segment-svc', `--port=${port.segments}`, `--data=${folder}/segments`, `--accounts=${address('accounts')}`,
        `--health=${address('health')}`, `--metrics_port=${port.segmentsMetrics}`);
  start('gateway', `--port=${port.gateway}`, `--http_port=${port.http}`, `--accounts=${address('accounts')}`, `--health=${address('health')}`,
        `--segments=${address('segments')}`, `--tokens=${folder}/tokens`, '--otlp_endpoint=http://127.0.0.1:9');
  return {
    metrics: {'accounts-svc': port.accountsMetrics, 'health-svc': port.healthMetrics, 'segment-svc': port.segmentsMetrics, gateway: port.http},
    end: () => children.forEach((child) => child.kill('SIGKILL')),
  };
}

async function scrape(port, header = {}) {
  const deadline = Date.now() + 60000;
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {headers: header});
      if (answer.ok) return await answer.text();
    } catch {
      // not listening yet
    }
    if (Date.now() > deadline) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const alerts = parse(readFileSync(join(prometheus, 'alerts.yaml'), 'utf8')).groups.flatMap(({rules}) => rules);
const recorded = new Set(alerts.filter(({record}) => record).map(({record}) => record));
tool('promtool takes the alerts', ['check', 'rules', 'alerts.yaml']);
tool('promtool takes the configuration', ['check', 'config', 'prometheus.yaml']);
tool('alerts fire and rest as alerts_test.yaml says', ['test', 'rules', 'alerts_test.yaml']);

const tests = parse(readFileSync(join(prometheus, 'alerts_test.yaml'), 'utf8')).tests.flatMap(({alert_rule_test: cases}) => cases);
const runbook = readFileSync(join(root, 'docs/operations.md'), 'utf8');
for (const {alert, labels, annotations} of alerts.filter(({alert: name}) => name)) {
  const mine = tests.filter(({alertname}) => alertname === alert);
  check(mine.some(({exp_alerts: found}) => found.length > 0) && mine.some(({exp_alerts: found}) => found.length === 0),
        `${alert} is tested both ways`);
  check(['page', 'ticket'].includes(labels.severity) && annotations.summary && annotations.description, `${alert} says how urgent it is and why`);
  check(annotations.runbook_url === `docs/operations.md#${alert.toLowerCase()}` && new RegExp(`^### ${alert}$`, 'm').test(runbook),
        `${alert} has a runbook`);
}

const folder = mkdtempSync(join(tmpdir(), 'perennial-monitoring-'));
const suite = await startSuite(folder);
const known = new Set([...kOfOthers, ...recorded]);
try {
  for (const [process, port] of Object.entries(suite.metrics)) {
    const text = await scrape(port, process === 'gateway' ? {Authorization: 'Bearer secret'} : {});
    check(text !== undefined, `${process} serves metrics`);
    if (text === undefined) continue;
    // Samples, and histograms by their parts: both are names that a query may have.
    for (const [, name] of text.matchAll(/^([a-zA-Z_:][a-zA-Z0-9_:]*)[{ ]/gm)) known.add(name);
    tool(`promtool finds nothing wrong with the metrics of ${process}`, ['check', 'metrics'], {input: text});
  }
} finally {
  suite.end();
  rmSync(folder, {recursive: true, force: true, maxRetries: 5});
}

const used = [];
for (const {alert, record, expr} of alerts) used.push(...metricsOf(expr).map((name) => [name, alert ?? record]));
for (const file of readdirSync(join(root, 'ops/grafana'))) {
  const dashboard = JSON.parse(readFileSync(join(root, 'ops/grafana', file), 'utf8'));
  const panels = dashboard.panels.flatMap((panel) => [panel, ...panel.panels ?? []]);
  check(new Set(panels.map(({id}) => id)).size === panels.length && panels.every(({title}) => title), `${file} has panels with ids and titles of their own`);
  const queries = panels.flatMap(({title, targets = []}) => targets.map(({expr}) => ({title, expr: expr.replaceAll('$__rate_interval', '5m')})));
  for (const {title, expr} of queries) used.push(...metricsOf(expr).map((name) => [name, `"${title}" of ${file}`]));
  const rules = join(tmpdir(), `perennial-panels-${process.pid}.yaml`);
  writeFileSync(rules, JSON.stringify({groups: [{name: file, rules: queries.map(({expr}, i) => ({record: `panel:${i}`, expr}))}]}));
  tool(`promtool understands the ${queries.length} queries of ${file}`, ['check', 'rules', rules]);
  rmSync(rules);
}
for (const [name, where] of used) check(known.has(name), `${where} uses ${name}`, 'no process tells it');
check(used.length > 50 && existsSync(promtool), 'metrics were looked for');
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
