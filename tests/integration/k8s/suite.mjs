// The objects of a rendered overlay, and what rules ask of them.
import {parseAllDocuments} from 'yaml';

export const nameOf = (object) => `${object.kind}/${object.metadata?.name}`;
export const kWorkloads = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];
// A workload with this annotation says why it has one replica.
export const kSingleReplica = 'perennial.dev/single-replica';

export class Suite {
  // `profile` is "dev" where nothing has to survive a lost machine, else "prod".
  constructor(objects, profile) {
    this.objects = objects;
    this.profile = profile;
  }
  static parse(text, profile) {
    return new Suite(parseAllDocuments(text).map((document) => document.toJS()).filter((object) => object !== null), profile);
  }
  // A copy that may be spoiled.
  copy() {
    return new Suite(structuredClone(this.objects), this.profile);
  }
  of(...kinds) {
    return this.objects.filter((object) => kinds.includes(object.kind));
  }
  find(kind, name) {
    return this.objects.find((object) => object.kind === kind && object.metadata.name === name);
  }
  workloads() {
    return this.of(...kWorkloads);
  }
  // Those that keep running, not jobs.
  servers() {
    return this.of('Deployment', 'StatefulSet', 'DaemonSet');
  }
  // The processes of this project: those that read files of flags.
  processes() {
    return this.workloads().filter((workload) => containersOf(workload).some((c) => c.args?.some((a) => a.startsWith('--flagfile='))));
  }
  autoscalerOf(workload) {
    return this.of('HorizontalPodAutoscaler')
        .find(({spec}) => spec.scaleTargetRef.kind === workload.kind && spec.scaleTargetRef.name === workload.metadata.name);
  }
  // How many replicas there are at least.
  replicasOf(workload) {
    return this.autoscalerOf(workload)?.spec.minReplicas ?? workload.spec.replicas ?? 1;
  }
  // Flags of a process as [name, value], those of its files too, in order.
  flagsOf(workload) {
    return containersOf(workload).flatMap((container) => (container.args ?? []).flatMap((argument) => {
      if (!argument.startsWith('--flagfile=')) return [split(argument)];
      return this.fileAt(workload, container, argument.slice('--flagfile='.length))
          ?.split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('#')).map(split) ?? [];
    }));
  }
  flagOf(workload, name) {
    return this.flagsOf(workload).findLast(([flag]) => flag === name)?.[1];
  }
  // What a ConfigMap shows as a file of a container; nothing when there is none.
  fileAt(workload, container, path) {
    for (const mount of container.volumeMounts ?? []) {
      if (!path.startsWith(`${mount.mountPath}/`)) continue;
      const volume = podOf(workload).volumes?.find(({name}) => name === mount.name);
      return this.find('ConfigMap', volume?.configMap?.name)?.data?.[path.slice(mount.mountPath.length + 1)];
    }
    return undefined;
  }
  // host:port of other processes in flags, without a scheme.
  addressesOf(workload) {
    return this.flagsOf(workload).filter(([name]) => ['accounts', 'health', 'segments', 'redis', 'replicas', 'gateway'].includes(name))
        .flatMap(([flag, value]) => value.split(',').map((text) => {
          const [, scheme, host, port] = /^([a-z]+:\/\/\/?)?([^:]+):(\d+)$/.exec(text) ?? [];
          return {flag, text, scheme, host, port: Number(port)};
        }));
  }
}

function split(argument) {
  const [, name, value] = /^--([^=]+)=?(.*)$/s.exec(argument) ?? [undefined, argument, ''];
  return [name, value];
}

export function templateOf(workload) {
  return workload.kind === 'CronJob' ? workload.spec.jobTemplate.spec.template : workload.spec.template;
}
export const podOf = (workload) => templateOf(workload).spec;
export const containersOf = (workload) => [...(podOf(workload).initContainers ?? []), ...podOf(workload).containers];
export const selects = (labels, object) =>
    Object.entries(labels ?? {}).every(([name, value]) => templateOf(object).metadata?.labels?.[name] === value);

// Makes a rule of a test for each of some things: `test` gives what is wrong with one, or nothing.
export const each = (things, test) => (suite) => things(suite).flatMap((thing) => {
  const problems = [test(thing, suite)].flat().filter(Boolean);
  return problems.map((problem) => `${nameOf(thing)}: ${problem}`);
});
export const eachWorkload = (test) => each((suite) => suite.workloads(), test);
export const eachContainer = (test) => eachWorkload(
    (workload, suite) => containersOf(workload).flatMap((container) => [test(container, workload, suite)].flat().filter(Boolean)
                                                                          .map((problem) => `container ${container.name}: ${problem}`)));
// The pod and the first container of a workload, to spoil them.
export const aPod = (suite, name = 'gateway') => podOf(suite.workloads().find(({metadata}) => metadata.name === name));
export const aContainer = (suite, name) => aPod(suite, name).containers[0];

// "250m" and "1Gi" as numbers.
export function quantity(text) {
  const [, number, unit] = /^([0-9.]+)([a-zA-Z]*)$/.exec(String(text)) ?? [];
  const factor = {'': 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30}[unit];
  return Number(number) * factor;
}
// "5s", "500ms" in seconds.
export function seconds(text) {
  const [, number, unit] = /^([0-9.]+)(ms|s|m)$/.exec(text) ?? [];
  return Number(number) * {ms: 1e-3, s: 1, m: 60}[unit];
}
