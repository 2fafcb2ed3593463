// Holds rendered manifests against the schemas of Kubernetes and the rules of this folder.
//
//   node check.mjs FLAGS BINARIES SECRETS dev=FILE prod=FILE
//
// FLAGS: JSON of the flags that each program has. BINARIES: folder of the programs. SECRETS: folder of what is in secrets, by volume.
//
// First shows for each rule that it can fail: on objects that are spoiled on purpose. Prints "ID PASS" or "ID FAIL object: why" for each
// rule and overlay; exit code 1 when one fails.
import {readFileSync} from 'node:fs';

import availability from './rules/availability.mjs';
import configuration from './rules/configuration.mjs';
import network from './rules/network.mjs';
import pods from './rules/pods.mjs';
import programs from './rules/programs.mjs';
import {schemaProblems} from './schema.mjs';
import {nameOf, Suite} from './suite.mjs';

const [flagFile, binaries, secrets, ...overlays] = process.argv.slice(2);
const flags = JSON.parse(readFileSync(flagFile, 'utf8'));
const suites = Object.fromEntries(overlays.map((overlay) => {
  const [profile, file] = overlay.split('=');
  return [profile, Suite.parse(readFileSync(file, 'utf8'), profile)];
}));

async function schema(suite) {
  const problems = await Promise.all(suite.objects.map(async (object) => (await schemaProblems(object)).map((problem) => `${nameOf(object)}: ${problem}`)));
  const names = suite.objects.map((object) => `${nameOf(object)} in ${object.metadata.namespace ?? ''}`);
  return [...problems.flat(), ...names.filter((name, i) => names.indexOf(name) !== i).map((name) => `${name}: is there twice`)];
}
const rules = [
  {
    id: 'SCHEMA',
    says: 'objects are as Kubernetes has them, with all that is required, of the right types',
    check: schema,
    spoil: (suite) => { suite.find('Service', 'gateway').spec.ports[0].port = 'grpc'; },
  },
  {
    id: 'SCHEMA-FIELDS',
    says: 'no field is one that Kubernetes does not have and would drop',
    check: schema,
    spoil: (suite) => { suite.find('Deployment', 'gateway').spec.template.spec.securityContext.runAsNonroot = true; },
  },
  ...pods, ...availability, ...network, ...configuration, ...programs({flags, binaries, secrets}),
];

let [passed, failed] = [0, 0];
function report(good, line) {
  good ? ++passed : ++failed;
  console.log(line);
}
const ids = rules.map(({id}) => id);
for (const id of ids.filter((one, i) => ids.indexOf(one) !== i)) report(false, `${id} FAIL is the id of two rules`);
for (const rule of rules) {
  const spoiled = suites[rule.spoilOf ?? 'prod'].copy();
  rule.spoil(spoiled);
  const found = await rule.check(spoiled);
  report(found.length > 0, `${rule.id} ${found.length > 0 ? `can fail (${found[0]})` : 'FAIL does not notice what it is there for'}`);
}
for (const [profile, suite] of Object.entries(suites)) {
  for (const rule of rules.filter(({prod}) => !prod || profile !== 'dev')) {
    const problems = await rule.check(suite);
    if (problems.length === 0) report(true, `${rule.id} PASS ${profile}: ${rule.says}`);
    for (const problem of problems) report(false, `${rule.id} FAIL ${profile}: ${problem} (${rule.says})`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
