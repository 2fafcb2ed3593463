// What a pod may do: the profile "restricted" of the Pod Security Standards, and a little more.
import {aContainer, aPod, containersOf, each, eachContainer, eachWorkload, podOf, quantity} from '../suite.mjs';

const kVolumes = ['configMap', 'secret', 'projected', 'emptyDir', 'persistentVolumeClaim', 'downwardAPI', 'csi', 'ephemeral'];
const kResources = ['cpu', 'memory', 'ephemeral-storage'];

export default [
  {
    id: 'POD-NON-ROOT',
    says: 'runs as a numbered user and group from 10001 up',
    check: eachWorkload((workload) => {
      const {runAsNonRoot, runAsUser, runAsGroup} = podOf(workload).securityContext ?? {};
      return [
        runAsNonRoot === true || 'runAsNonRoot is not true', runAsUser >= 10001 || 'runAsUser is below 10001',
        runAsGroup >= 10001 || 'runAsGroup is below 10001',
        ...containersOf(workload).map(({securityContext: own = {}}) =>
            (own.runAsUser ?? 10001) >= 10001 && own.runAsNonRoot !== false || 'a container changes its user'),
      ].filter((problem) => problem !== true);
    }),
    spoil: (suite) => { aPod(suite).securityContext.runAsUser = 0; },
  },
  {
    id: 'POD-NO-ESCALATION',
    says: 'never gains privileges',
    check: eachContainer(({securityContext = {}}) => [
      securityContext.allowPrivilegeEscalation === false ? '' : 'allowPrivilegeEscalation is not false',
      securityContext.privileged ? 'is privileged' : '',
    ]),
    spoil: (suite) => { delete aContainer(suite).securityContext.allowPrivilegeEscalation; },
  },
  {
    id: 'POD-NO-CAPABILITIES',
    says: 'drops all capabilities and adds none',
    check: eachContainer(({securityContext = {}}) => [
      securityContext.capabilities?.drop?.includes('ALL') ? '' : 'does not drop ALL',
      securityContext.capabilities?.add?.length ? 'adds capabilities' : '',
    ]),
    spoil: (suite) => { aContainer(suite).securityContext.capabilities.add = ['NET_ADMIN']; },
  },
  {
    id: 'POD-SECCOMP',
    says: 'is confined by the runtime\'s seccomp profile',
    check: eachWorkload((workload) => podOf(workload).securityContext?.seccompProfile?.type === 'RuntimeDefault' ? '' : 'no seccompProfile'),
    spoil: (suite) => { aPod(suite).securityContext.seccompProfile.type = 'Unconfined'; },
  },
  {
    id: 'POD-READ-ONLY-ROOT',
    says: 'cannot write to its root',
    check: eachContainer(({securityContext = {}}) => securityContext.readOnlyRootFilesystem === true ? '' : 'its root can be written to'),
    spoil: (suite) => { aContainer(suite).securityContext.readOnlyRootFilesystem = false; },
  },
  {
    id: 'POD-NO-HOST',
    says: 'has nothing of the machine: network, processes, ports, files',
    check: eachWorkload((workload) => [
      ...['hostNetwork', 'hostPID', 'hostIPC'].map((name) => podOf(workload)[name] ? `has ${name}` : ''),
      ...containersOf(workload).flatMap(({ports = []}) => ports.map(({hostPort}) => hostPort ? 'has a hostPort' : '')),
    ]),
    spoil: (suite) => { aPod(suite).hostNetwork = true; },
  },
  {
    id: 'POD-VOLUMES',
    says: 'mounts volumes of the restricted kinds only',
    check: eachWorkload((workload) => (podOf(workload).volumes ?? []).map(
        ({name, ...source}) => Object.keys(source).every((kind) => kVolumes.includes(kind)) ? '' : `volume ${name} is a ${Object.keys(source)}`)),
    spoil: (suite) => { aPod(suite).volumes.push({name: 'machine', hostPath: {path: '/'}}); },
  },
  {
    id: 'NAMESPACE-RESTRICTED',
    says: 'its namespace refuses pods that are not "restricted"',
    check: (suite) => {
      const namespaces = suite.of('Namespace');
      if (namespaces.length === 0) return ['there is no Namespace'];
      return [
        ...each(() => namespaces, ({metadata}) =>
            metadata.labels?.['pod-security.kubernetes.io/enforce'] === 'restricted' ? '' : 'does not enforce "restricted"')(suite),
        ...each(() => suite.objects.filter(({metadata}) => metadata.namespace && !suite.find('Namespace', metadata.namespace)),
                () => 'is in another namespace')(suite),
      ];
    },
    spoil: (suite) => { suite.of('Namespace')[0].metadata.labels['pod-security.kubernetes.io/enforce'] = 'baseline'; },
  },
  {
    id: 'POD-RESOURCES',
    says: 'asks for processor, memory and scratch space, and has limits of them',
    check: eachContainer(({resources = {}}) => kResources.flatMap((name) => {
      const [asked, limit] = [resources.requests?.[name], resources.limits?.[name]];
      if (asked === undefined || limit === undefined) return [`no request or no limit of ${name}`];
      return quantity(asked) <= quantity(limit) ? [] : [`asks for more ${name} than its limit`];
    })),
    spoil: (suite) => { delete aContainer(suite).resources.limits['ephemeral-storage']; },
  },
  {
    id: 'OWN-ACCOUNT',
    says: 'has a service account of its own, and no rights in the cluster',
    check: (suite) => [
      ...eachWorkload((workload) => suite.find('ServiceAccount', podOf(workload).serviceAccountName) ? '' : 'has no service account of its own')(suite),
      ...each(() => suite.of('Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'), () => 'gives rights that nobody needs')(suite),
    ],
    spoil: (suite) => { delete aPod(suite).serviceAccountName; },
  },
  {
    id: 'NO-TOKEN',
    says: 'gets no token for the cluster, by its account and by itself',
    check: (suite) => [
      ...eachWorkload((workload) => podOf(workload).automountServiceAccountToken === false ? '' : 'mounts a token')(suite),
      ...each(() => suite.of('ServiceAccount'), (account) => account.automountServiceAccountToken === false ? '' : 'mounts a token')(suite),
    ],
    spoil: (suite) => { delete suite.of('ServiceAccount')[0].automountServiceAccountToken; },
  },
  {
    id: 'SECRETS-AS-FILES',
    says: 'reads secrets from files that change with them, read-only, and none is in the manifests',
    check: (suite) => [
      ...eachContainer((container, workload) => {
        const secret = (name) => podOf(workload).volumes?.find((volume) => volume.name === name)?.secret;
        return [
          ...(container.env ?? []).map(({name, value, valueFrom}) =>
              valueFrom?.secretKeyRef || value && /PASSWORD|SECRET|TOKEN|KEY/i.test(name) ? `${name} is in the environment` : ''),
          ...(container.envFrom ?? []).map(({secretRef}) => secretRef ? 'has a secret as its environment' : ''),
          ...(container.volumeMounts ?? []).filter(({name}) => secret(name)).map(({name, readOnly, subPath}) =>
              readOnly === true && !subPath ? '' : `${name} is not read-only, or has a subPath and would never change`),
        ];
      })(suite),
      ...each(() => suite.of('Secret'), () => 'is in the manifests')(suite),
    ],
    spoil: (suite) => {
      aContainer(suite).env = [{name: 'DATABASE', valueFrom: {secretKeyRef: {name: 'accounts-svc-database', key: 'url'}}}];
    },
  },
];
