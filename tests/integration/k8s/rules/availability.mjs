// What has to be there so that a lost pod, machine or zone, or a new version, is not noticed.
import {aContainer, aPod, containersOf, each, eachWorkload, kSingleReplica, podOf, seconds, selects} from '../suite.mjs';

const kMargin = 5;  // seconds for closing databases
const kDefaultGrace = 10;  // seconds that a process lets calls take when it stops, without --grace
const several = (suite) => suite.servers().filter((workload) => suite.replicasOf(workload) > 1);
const eachServer = (test) => each((suite) => suite.servers(), test);
const eachProcess = (test) => each((suite) => suite.processes().filter(({kind}) => kind !== 'CronJob' && kind !== 'Job'), test);
const probesOf = ({livenessProbe, readinessProbe, startupProbe}) => ({livenessProbe, readinessProbe, startupProbe});
// What a probe does, without how often.
const handlerOf = (probe) => JSON.stringify([probe?.grpc, probe?.httpGet, probe?.tcpSocket, probe?.exec]);

export default [
  {
    id: 'PROBES',
    says: 'is probed at start, for readiness and for life, with time to answer',
    check: eachServer((workload) => podOf(workload).containers.flatMap((container) => Object.entries(probesOf(container)).map(([name, probe]) => {
      if (!probe) return `no ${name}`;
      return probe.timeoutSeconds >= 2 && probe.failureThreshold >= 3 ? '' : `${name} gives up too soon`;
    }))),
    spoil: (suite) => { delete aContainer(suite).startupProbe; },
  },
  {
    id: 'PROBES-DIFFER',
    says: 'readiness and life are different questions',
    check: eachServer((workload) => podOf(workload).containers.map((container) =>
        handlerOf(container.readinessProbe) === handlerOf(container.livenessProbe) ? 'readiness and liveness ask the same' : '')),
    spoil: (suite) => { aContainer(suite).readinessProbe.grpc.service = 'liveness'; },
  },
  {
    id: 'PROBES-GRPC',
    says: 'processes are asked by gRPC on the port that serves nothing but probes',
    check: eachProcess((workload, suite) => podOf(workload).containers.flatMap((container) => {
      const port = Number(suite.flagOf(workload, 'probe_port'));
      return Object.entries({readinessProbe: 'readiness', livenessProbe: 'liveness', startupProbe: 'liveness'}).map(([name, service]) => {
        const grpc = container[name]?.grpc;
        return grpc?.service === service && grpc.port === port ? '' : `${name} does not ask for ${service} on --probe_port`;
      });
    })),
    spoil: (suite) => { aContainer(suite).livenessProbe.grpc.port = 50050; },
  },
  {
    id: 'PROBES-WAIT',
    says: 'a start may take a minute, for a migration',
    check: eachProcess((workload) => podOf(workload).containers.map(({startupProbe: probe}) =>
        probe && probe.failureThreshold * (probe.periodSeconds ?? 10) >= 60 ? '' : 'is killed within a minute of starting')),
    spoil: (suite) => { aContainer(suite).startupProbe.failureThreshold = 3; },
  },
  {
    id: 'REPLICAS',
    prod: true,
    says: `has two replicas, or says in ${kSingleReplica} why not`,
    check: eachServer((workload, suite) => {
      const reason = workload.metadata.annotations?.[kSingleReplica];
      if (suite.replicasOf(workload) >= 2) return reason ? 'has several replicas and a reason for one' : '';
      return reason ? '' : 'has one replica and no reason';
    }),
    spoil: (suite) => { delete suite.find('StatefulSet', 'segment-svc').metadata.annotations; },
  },
  {
    id: 'ROLLING-UPDATE',
    says: 'never has fewer pods than it should while a version comes in',
    check: each((suite) => several(suite).filter(({kind}) => kind === 'Deployment'), ({spec}) => {
      const {maxUnavailable, maxSurge} = spec.strategy?.rollingUpdate ?? {};
      return spec.strategy?.type === 'RollingUpdate' && maxUnavailable === 0 && maxSurge === 1 ? '' : 'its update takes pods away first';
    }),
    spoilOf: 'prod',
    spoil: (suite) => { suite.find('Deployment', 'gateway').spec.strategy.rollingUpdate.maxUnavailable = 1; },
  },
  {
    id: 'ONE-WRITER',
    says: 'a volume that one pod may write to has one pod, and the old one goes first',
    check: each((suite) => suite.of('Deployment').filter((workload) => podOf(workload).volumes?.some(({persistentVolumeClaim}) => persistentVolumeClaim)),
                (workload, suite) => [
                  suite.replicasOf(workload) === 1 ? '' : 'has several replicas',
                  workload.spec.strategy?.type === 'Recreate' ? '' : 'has two pods while a version comes in',
                ]),
    spoilOf: 'dev',
    spoil: (suite) => { suite.find('Deployment', 'accounts-svc').spec.strategy = {type: 'RollingUpdate'}; },
  },
  {
    id: 'DISRUPTION-BUDGET',
    says: 'machines may be emptied, one pod at a time',
    check: (suite) => [
      ...each(several, (workload) => suite.of('PodDisruptionBudget').some(({spec}) => selects(spec.selector.matchLabels, workload)) ?
          '' : 'has no PodDisruptionBudget')(suite),
      ...each(() => suite.of('PodDisruptionBudget'), ({spec}) => {
        const workload = suite.servers().find((candidate) => selects(spec.selector.matchLabels, candidate));
        if (!workload) return 'selects nothing';
        if (spec.maxUnavailable !== undefined) return spec.maxUnavailable >= 1 ? '' : 'lets no pod go';
        return spec.minAvailable >= 1 && spec.minAvailable < suite.replicasOf(workload) ? '' : 'lets no pod go, or all';
      })(suite),
    ],
    spoilOf: 'prod',
    spoil: (suite) => { suite.find('PodDisruptionBudget', 'gateway').spec.minAvailable = 2; },
  },
  {
    id: 'AUTOSCALING',
    says: 'what scales by load has two replicas at least, no fixed number, and may have several',
    check: each((suite) => suite.of('HorizontalPodAutoscaler'), ({spec}, suite) => {
      const target = suite.find(spec.scaleTargetRef.kind, spec.scaleTargetRef.name);
      if (!target) return 'scales nothing';
      return [
        spec.minReplicas >= 2 ? '' : 'goes down to one', spec.maxReplicas > spec.minReplicas ? '' : 'cannot grow',
        target.spec.replicas === undefined ? '' : 'is overruled by a fixed number of replicas',
        target.kind === 'StatefulSet' ? 'would split shards' : '',
        target.metadata.annotations?.[kSingleReplica] ? 'scales what has a reason for one replica' : '',
      ];
    }),
    spoilOf: 'prod',
    spoil: (suite) => { suite.find('HorizontalPodAutoscaler', 'gateway').spec.minReplicas = 1; },
  },
  {
    id: 'SPREAD',
    says: 'replicas are on different machines and in different zones, where there are several',
    check: each(several, (workload) => {
      const pod = podOf(workload);
      const hosts = pod.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.some(
          ({podAffinityTerm: term}) => term.topologyKey === 'kubernetes.io/hostname' && selects(term.labelSelector.matchLabels, workload));
      const zones = pod.topologySpreadConstraints?.some((constraint) => constraint.topologyKey === 'topology.kubernetes.io/zone' &&
          constraint.whenUnsatisfiable === 'ScheduleAnyway' && selects(constraint.labelSelector.matchLabels, workload));
      return [hosts ? '' : 'not spread over machines', zones ? '' : 'not spread over zones'];
    }),
    spoilOf: 'prod',
    spoil: (suite) => { delete aPod(suite, 'health-svc').topologySpreadConstraints; },
  },
  {
    id: 'PRIORITY',
    prod: true,
    says: 'is not the first to be thrown out',
    check: eachWorkload((workload, suite) => suite.find('PriorityClass', podOf(workload).priorityClassName) ? '' : 'has no priority'),
    spoil: (suite) => { delete aPod(suite).priorityClassName; },
  },
  {
    id: 'TERMINATION',
    says: 'has time to be forgotten, to drain, to end its calls and to close',
    check: eachProcess((workload, suite) => containersOf(workload).flatMap(({lifecycle}) => {
      const pause = lifecycle?.preStop?.sleep?.seconds;
      const drain = suite.flagOf(workload, 'drain_ms') !== undefined ? suite.flagOf(workload, 'drain_ms') / 1000 : seconds(suite.flagOf(workload, 'drain'));
      const grace = suite.flagOf(workload, 'grace') === undefined ? kDefaultGrace : seconds(suite.flagOf(workload, 'grace'));
      const whole = pause + drain + grace + kMargin;
      return [
        pause >= 5 ? '' : 'no preStop pause', drain >= 5 ? '' : 'no drain time',
        whole <= (podOf(workload).terminationGracePeriodSeconds ?? 30) ? '' : `is killed before its ${whole} s to stop are over`,
      ];
    })),
    spoil: (suite) => { aPod(suite).terminationGracePeriodSeconds = 20; },
  },
];
