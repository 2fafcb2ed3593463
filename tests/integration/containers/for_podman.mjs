// Cuts a rendered overlay into a file a workload that `podman kube play` takes: the workload with its ConfigMaps and volumes.
//
//   node for_podman.mjs RENDERED FOLDER
//
// Podman 4 knows no StatefulSet (one replica of it is a Deployment with claims of its own), no gRPC probes (the script that
// starts this asks instead), no preStop pause, and no policies; ports would be taken on this machine.
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const {parseAllDocuments, stringify} = createRequire(new URL('../k8s/package.json', import.meta.url))('yaml');
const [rendered, folder] = process.argv.slice(2);
const objects = parseAllDocuments(readFileSync(rendered, 'utf8')).map((document) => document.toJS());
const find = (kind, name) => objects.find((object) => object.kind === kind && object.metadata.name === name);

for (const {kind, metadata, spec} of objects.filter((object) => ['Deployment', 'StatefulSet'].includes(object.kind))) {
  if (spec.replicas !== 1) throw new Error(`${metadata.name} has ${spec.replicas} replicas`);
  const {template} = spec;
  const claims = (spec.volumeClaimTemplates ?? []).map((claim) => ({
    apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: {name: `${claim.metadata.name}-${metadata.name}-0`}, spec: claim.spec,
  }));
  template.spec.volumes = [
    ...template.spec.volumes ?? [],
    ...(spec.volumeClaimTemplates ?? []).map((claim, i) => ({name: claim.metadata.name, persistentVolumeClaim: {claimName: claims[i].metadata.name}})),
  ];
  for (const {configMap, persistentVolumeClaim} of template.spec.volumes) {
    if (configMap) claims.push(find('ConfigMap', configMap.name));
    const claim = persistentVolumeClaim && find('PersistentVolumeClaim', persistentVolumeClaim.claimName);
    if (claim) claims.push(claim);
  }
  for (const container of template.spec.containers) {
    for (const unknown of ['startupProbe', 'readinessProbe', 'livenessProbe', 'lifecycle', 'ports']) delete container[unknown];
  }
  delete template.spec.topologySpreadConstraints;
  delete template.spec.affinity;
  for (const object of claims) delete object.metadata.namespace;
  const workload = {apiVersion: 'apps/v1', kind: 'Deployment', metadata: {name: metadata.name}, spec: {replicas: 1, selector: spec.selector, template}};
  writeFileSync(`${folder}/${metadata.name}.yaml`, [...claims, workload].map((object) => stringify(object, {aliasDuplicateObjects: false})).join('---\n'));
  console.log(metadata.name);
}
