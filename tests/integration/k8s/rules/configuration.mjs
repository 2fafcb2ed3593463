// Images, configuration and labels.
import {aContainer, containersOf, each, eachContainer, eachWorkload, kWorkloads, podOf, templateOf} from '../suite.mjs';

const kLabels = ['name', 'instance', 'version', 'part-of', 'managed-by'].map((name) => `app.kubernetes.io/${name}`);
const kTls = ['tls_cert', 'tls_key', 'tls_ca'];
const named = (suite) => suite.objects.filter(({kind}) => [...kWorkloads, 'Service', 'PersistentVolumeClaim'].includes(kind));
const withFlags = (test) => each((suite) => suite.processes().filter(({kind}) => kind !== 'CronJob'), test);

export default [
  {
    id: 'IMAGES',
    says: 'a version of an image is named, never the latest',
    check: eachContainer(({image}) => /@sha256:[0-9a-f]{64}$/.test(image) || /:[^:/]+$/.test(image) && !/:latest$/.test(image) ? '' : `${image} is of any version`),
    spoil: (suite) => { aContainer(suite).image = 'perennial/gateway:latest'; },
  },
  {
    id: 'IMAGES-CHECKED',
    prod: true,
    says: 'who starts a pod must be allowed to fetch its image',
    check: eachContainer(({imagePullPolicy}) => imagePullPolicy === 'Always' ? '' : 'takes an image that is on the machine'),
    spoil: (suite) => { aContainer(suite).imagePullPolicy = 'IfNotPresent'; },
  },
  {
    id: 'CONFIG-GENERATED',
    says: 'configuration comes in maps that never change: another one is another roll-out',
    check: (suite) => [
      ...each(() => suite.of('ConfigMap'), ({immutable, metadata}) =>
          immutable === true && /-[0-9a-z]{10}$/.test(metadata.name) ? '' : 'may change under a running pod')(suite),
      ...eachWorkload((workload) => (podOf(workload).volumes ?? []).map(({configMap}) =>
          !configMap || suite.find('ConfigMap', configMap.name) ? '' : `${configMap.name} does not exist`))(suite),
    ],
    spoil: (suite) => { suite.of('ConfigMap')[0].immutable = false; },
  },
  {
    id: 'CONFIG-FILES',
    says: 'files of flags that are read exist, and all that exist are read',
    check: (suite) => [
      ...eachContainer((container, workload) => (container.args ?? []).filter((argument) => argument.startsWith('--flagfile=')).map((argument) =>
          suite.fileAt(workload, container, argument.slice('--flagfile='.length)) === undefined ? `${argument} does not exist` : ''))(suite),
      ...each(() => suite.of('ConfigMap'), (map) => {
        const readers = suite.workloads().filter((workload) => podOf(workload).volumes?.some(({configMap}) => configMap?.name === map.metadata.name));
        return Object.keys(map.data).map((file) =>
            readers.some((workload) => containersOf(workload).some(({args = []}) => args.some((argument) => argument.endsWith(`/${file}`)))) ?
                '' : `${file} is not read`);
      })(suite),
    ],
    spoil: (suite) => { aContainer(suite).args.pop(); },
  },
  {
    id: 'SHARDS',
    says: 'each replica of health-svc knows its share, and where the others are',
    check: each((suite) => suite.of('StatefulSet').filter((workload) => suite.flagOf(workload, 'shard') || suite.replicasOf(workload) > 1), (workload, suite) => {
      const [name, count] = [workload.metadata.name, suite.replicasOf(workload)];
      const index = containersOf(workload).flatMap(({env = []}) => env)
                        .find(({valueFrom}) => valueFrom?.fieldRef?.fieldPath === 'metadata.labels[\'apps.kubernetes.io/pod-index\']')?.name;
      const port = suite.flagOf(workload, 'port');
      const replicas = Array.from({length: count}, (_, i) => `${name}-${i}.${workload.spec.serviceName}:${port}`).join();
      return [
        index && suite.flagOf(workload, 'shard') === `$(${index})/${count}` ? '' : `--shard is not its index of ${count}`,
        suite.flagOf(workload, 'replicas') === replicas ? '' : `--replicas is not ${replicas}`,
        ...suite.processes().filter(({metadata}) => metadata.name === 'segment-svc').map((follower) =>
            suite.flagOf(follower, 'health') === replicas ? '' : `segment-svc does not follow ${replicas}`),
      ];
    }),
    spoilOf: 'prod',
    spoil: (suite) => { suite.find('StatefulSet', 'health-svc').spec.replicas = 3; },
  },
  {
    id: 'SECURED',
    prod: true,
    says: 'processes prove who they are to each other, and callers to the gateway',
    check: withFlags((workload, suite) => [
      ...kTls.map((flag) => suite.flagOf(workload, flag) ? '' : `no --${flag}`),
      suite.flagOf(workload, 'allow_unauthenticated') === undefined ? '' : 'is open',
      workload.metadata.name !== 'gateway' || suite.flagOf(workload, 'tokens') || suite.flagOf(workload, 'jwks') ? '' : 'asks nobody who they are',
    ]),
    spoil: (suite) => {
      aContainer(suite).args = aContainer(suite).args.filter((argument) => !argument.includes('tls.flags'));
    },
  },
  {
    id: 'LABELS',
    says: 'objects tell what they are and what they are part of',
    check: each(named, ({metadata}) => [
      ...kLabels.map((label) => metadata.labels?.[label] ? '' : `no ${label}`),
      metadata.labels?.['app.kubernetes.io/component'] ? '' : 'no app.kubernetes.io/component',
    ]),
    spoil: (suite) => { delete suite.find('Service', 'redis').metadata.labels['app.kubernetes.io/part-of']; },
  },
  {
    id: 'LABELS-SELECT',
    says: 'a workload selects its own pods, and no label of a version is where it may never change',
    check: eachWorkload((workload) => [
      Object.entries(workload.spec.selector?.matchLabels ?? {}).every(([name, value]) => templateOf(workload).metadata.labels?.[name] === value) ?
          '' : 'selects other pods',
      ...[workload.spec.selector?.matchLabels, ...(workload.spec.volumeClaimTemplates ?? []).map(({metadata}) => metadata.labels)].map(
          (labels) => labels?.['app.kubernetes.io/version'] ? 'could not be updated: a version is in its selector or in its volumes' : ''),
    ]),
    spoil: (suite) => {
      suite.find('StatefulSet', 'health-svc').spec.volumeClaimTemplates[0].metadata.labels = {'app.kubernetes.io/version': '1'};
    },
  },
];
