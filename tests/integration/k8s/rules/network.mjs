// Who may talk to whom, and that whoever must can.
import {containersOf, each, nameOf, podOf, selects, templateOf} from '../suite.mjs';

const policiesOf = (suite, workload, type) => suite.of('NetworkPolicy')
    .filter(({spec}) => spec.policyTypes.includes(type) && selects(spec.podSelector.matchLabels, workload));
const hasPort = (rule, workload, port) => !rule.ports || rule.ports.some(
    (allowed) => allowed.port === port || containersOf(workload).some(
        ({ports = []}) => ports.some(({name, containerPort}) => name === allowed.port && containerPort === port)));
const namesPeer = (peers, workload) => peers.some(({podSelector, namespaceSelector, ipBlock}) =>
    podSelector && !namespaceSelector && !ipBlock && selects(podSelector.matchLabels, workload));

// Whether the policies let `from` open a connection to `port` of `to`.
function allowed(suite, from, to, port) {
  const out = policiesOf(suite, from, 'Egress').some(
      ({spec}) => spec.egress?.some((rule) => (!rule.to || namesPeer(rule.to, to)) && hasPort(rule, to, port)));
  const into = policiesOf(suite, to, 'Ingress').some(
      ({spec}) => spec.ingress?.some((rule) => (!rule.from || namesPeer(rule.from, from)) && hasPort(rule, to, port)));
  return {out, into};
}

// The service that an address names (or the one of a pod's own name) and who answers there.
function targetOf(suite, {host, port}) {
  const parts = host?.split('.') ?? [];
  const service = suite.find('Service', parts.at(-1));
  const workload = service && suite.servers().find((candidate) => selects(service.spec.selector, candidate));
  return {service, workload, port: service?.spec.ports.find((offered) => offered.port === port)};
}
const addresses = (suite) => suite.processes().flatMap((workload) => suite.addressesOf(workload).map((address) => ({workload, address})));

export default [
  {
    id: 'NETWORK-DEFAULT-DENY',
    says: 'what is not allowed is refused, in both directions',
    check: (suite) => suite.of('NetworkPolicy').some(({spec}) => Object.keys(spec.podSelector).length === 0 && !spec.ingress && !spec.egress &&
        spec.policyTypes.includes('Ingress') && spec.policyTypes.includes('Egress')) ? [] : ['there is no policy that denies all'],
    spoil: (suite) => { suite.find('NetworkPolicy', 'default-deny').spec.policyTypes = ['Ingress']; },
  },
  {
    id: 'NETWORK-NAMES-PEERS',
    says: 'only the gateway answers whoever asks, and no rule allows every address',
    check: each((suite) => suite.of('NetworkPolicy'), ({spec}, suite) => {
      const outside = suite.workloads().filter((workload) => selects(spec.podSelector.matchLabels, workload))
                          .every((workload) => workload.metadata.labels?.['app.kubernetes.io/component'] === 'gateway');
      return [
        ...(spec.ingress ?? []).map((rule) => rule.from || outside && rule.ports ? '' : 'lets everybody in'),
        ...(spec.egress ?? []).map((rule) => rule.to && rule.ports && !rule.to.some(({ipBlock}) => ipBlock?.cidr === '0.0.0.0/0') ? '' : 'lets everything out'),
      ];
    }),
    spoil: (suite) => { delete suite.find('NetworkPolicy', 'accounts-svc').spec.ingress[0].from; },
  },
  {
    id: 'NETWORK-COVERS',
    says: 'every pod has a policy of its own',
    check: each((suite) => suite.workloads(), (workload, suite) =>
        policiesOf(suite, workload, 'Ingress').some(({spec}) => Object.keys(spec.podSelector).length > 0) ? '' : 'has no policy of its own'),
    spoil: (suite) => { suite.objects = suite.objects.filter((object) => nameOf(object) !== 'NetworkPolicy/redis'); },
  },
  {
    id: 'NETWORK-LETS-PEERS',
    says: 'what a process is told to connect to may be connected to, from both ends',
    check: (suite) => addresses(suite).flatMap(({workload, address}) => {
      const {workload: target, port} = targetOf(suite, address);
      if (!target || !port) return [];  // ADDRESSES says so
      const container = containersOf(target).flatMap(({ports}) => ports).find(({name}) => name === port.targetPort);
      const {out, into} = allowed(suite, workload, target, container?.containerPort);
      return [
        ...(out ? [] : [`${nameOf(workload)}: may not connect to ${address.text}`]),
        ...(into ? [] : [`${nameOf(target)}: does not let ${workload.metadata.name} in`]),
      ];
    }),
    spoil: (suite) => { suite.find('NetworkPolicy', 'segment-svc').spec.egress.pop(); },
  },
  {
    id: 'ADDRESSES',
    says: 'addresses in flags are those of services, and of all their pods where gRPC chooses among them',
    check: (suite) => addresses(suite).flatMap(({workload, address}) => {
      const {service, workload: target, port} = targetOf(suite, address);
      const problem = () => {
        if (!address.host) return 'is no address';
        if (!service || !target) return 'names nothing';
        if (!port) return 'names a port that is not served';
        if (address.flag === 'redis') return '';
        if (service.spec.clusterIP !== 'None') return 'leads to one replica only: its service has a virtual address';
        if (!address.host.includes('.') && address.scheme !== 'dns:///') return 'is not resolved by gRPC: it must begin with dns:///';
        const containerPort = containersOf(target).flatMap(({ports}) => ports).find(({name}) => name === port.targetPort)?.containerPort;
        return containerPort === port.port ? '' : 'differs from the port of the pods, which a headless service leads to';
      };
      return problem() ? [`${nameOf(workload)}: --${address.flag}=${address.text} ${problem()}`] : [];
    }),
    spoil: (suite) => { delete suite.find('Service', 'accounts-svc').spec.clusterIP; },
  },
  {
    id: 'SERVICES',
    says: 'services lead somewhere, and say which protocol is spoken there',
    check: each((suite) => suite.of('Service'), ({spec}, suite) => {
      const workloads = suite.servers().filter((workload) => selects(spec.selector, workload));
      if (workloads.length !== 1) return `selects ${workloads.length} workloads`;
      const offered = containersOf(workloads[0]).flatMap(({ports = []}) => ports.map(({name}) => name));
      return spec.ports.flatMap(({name, targetPort, appProtocol}) => [
        offered.includes(targetPort) ? '' : `port ${name} leads nowhere`,
        name === 'grpc' && !['kubernetes.io/h2c', 'grpc'].includes(appProtocol) ? 'does not say that it speaks HTTP/2' : '',
        spec.publishNotReadyAddresses ? 'names pods that are not ready' : '',
      ]);
    }),
    spoil: (suite) => { suite.find('Service', 'gateway').spec.ports[0].targetPort = 'other'; },
  },
  {
    id: 'METRICS',
    says: 'processes tell Prometheus where their metrics are, and serve them there',
    check: each((suite) => suite.processes().filter(({kind}) => kind !== 'CronJob'), (workload, suite) => {
      const annotations = templateOf(workload).metadata.annotations ?? {};
      const port = Number(annotations['prometheus.io/port']);
      return [
        annotations['prometheus.io/scrape'] === 'true' ? '' : 'is not scraped',
        // The gateway serves them beside HTTP for clients.
        Number(suite.flagOf(workload, 'metrics_port') ?? suite.flagOf(workload, 'http_port')) === port ? '' : 'serves metrics elsewhere',
        podOf(workload).containers.some(({ports}) => ports.some(({containerPort}) => containerPort === port)) ? '' : 'has no such port',
      ];
    }),
    spoil: (suite) => { suite.workloads()[0].spec.template.metadata.annotations['prometheus.io/port'] = '1'; },
  },
];
