// What the programs themselves say of their configuration.
import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {aContainer, containersOf, each, podOf} from '../suite.mjs';

const processes = (suite) => suite.processes().filter(({kind}) => kind !== 'CronJob');

// `text` with the files of secrets, and what Kubernetes fills in, as they are here: `secrets` has a folder for each volume.
function here(text, workload, container, secrets) {
  const volumes = (podOf(workload).volumes ?? []).filter(({secret}) => secret).map(({name}) => name);
  return (container.volumeMounts ?? []).filter(({name}) => volumes.includes(name))
      .reduce((all, {name, mountPath}) => all.replaceAll(`${mountPath}/`, `${secrets}/${name}/`), text)
      .replaceAll(/\$\([A-Z_]+\)/g, '0');
}

// What a program says is wrong; nothing when it would start.
function problemOf(workload, suite, binaries, secrets) {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-flags-'));
  try {
    return containersOf(workload).map((container) => {
      const args = container.args.map((argument, i) => {
        if (!argument.startsWith('--flagfile=')) return here(argument, workload, container, secrets);
        const text = suite.fileAt(workload, container, argument.slice('--flagfile='.length)) ?? '';
        writeFileSync(`${folder}/${i}`, here(text, workload, container, secrets));
        return `--flagfile=${folder}/${i}`;
      });
      try {
        execFileSync(join(binaries, workload.metadata.name), [...args, '--check_config'], {stdio: 'pipe', timeout: 60000});
        return '';
      } catch (error) {
        return `${error.stderr}`.trim() || error.message;
      }
    });
  } finally {
    rmSync(folder, {recursive: true});
  }
}

// `flags`: those that each program has, by its name. `secrets`: a folder of what is in secrets, by volume.
export default ({flags, binaries, secrets}) => [
  {
    id: 'FLAGS',
    says: 'flags are those that the programs have',
    check: each(processes, (workload, suite) => suite.flagsOf(workload).map(([name]) =>
        flags[workload.metadata.name]?.includes(name) ? '' : `--${name} is no flag of it`)),
    spoil: (suite) => { aContainer(suite).args.push('--no_such_flag=1'); },
  },
  {
    id: 'FLAGS-VALID',
    says: 'the programs take their configuration (--check_config)',
    check: each(processes, (workload, suite) => problemOf(workload, suite, binaries, secrets)),
    spoil: (suite) => { aContainer(suite).args = aContainer(suite).args.filter((argument) => !argument.includes('identity.flags')); },
  },
];
