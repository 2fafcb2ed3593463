// Objects against the schemas of Kubernetes (npm: kubernetes-models): types and required fields by its validators, names of
// fields, which these let pass, by its type declarations.
import {existsSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, resolve} from 'node:path';

const require = createRequire(import.meta.url);
const packages = dirname(dirname(require.resolve('yaml/package.json')));
const models = resolve(packages, 'kubernetes-models');

const groupOf = (apiVersion) => (apiVersion.includes('/') ? apiVersion : `v1`);

// Interfaces of a declaration file: name -> {field -> type}. Types of maps are "map".
const files = new Map();
function declarations(path) {
  if (files.has(path)) return files.get(path);
  const found = {interfaces: new Map(), imports: new Map()};
  files.set(path, found);
  const text = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  for (const [, names, from] of text.matchAll(/import \{([^}]*)\} from "([^"]+)"/g)) {
    const target = from.startsWith('.') ? resolve(dirname(path), from.replace(/\.js$/, '.d.ts')) : resolve(packages, `${from}.d.ts`);
    for (const name of names.split(',')) found.imports.set(name.trim(), target);
  }
  const aliases = new Map();
  for (const [, list] of text.matchAll(/export type \{([^}]*)\}/g)) {
    for (const [, name, alias] of list.matchAll(/(\w+) as (\w+)/g)) aliases.set(alias, name);
  }
  for (const [, name, body] of text.matchAll(/export interface (\w+)[^{]*\{([\s\S]*?)\n\}/g)) {
    const fields = new Map();
    for (const [, field, type] of body.matchAll(/^ {4}"([^"]+)"\??: ([^\n]*)/gm)) fields.set(field, type.trim().replace(/;$/, ''));
    found.interfaces.set(name, fields);
  }
  for (const [alias, name] of aliases) if (found.interfaces.has(name)) found.interfaces.set(alias, found.interfaces.get(name));
  return found;
}

function unknownFields(value, type, path, at) {
  const list = /^Array<(.*)>$/.exec(type);
  if (list) return Array.isArray(value) ? value.flatMap((item, i) => unknownFields(item, list[1], path, `${at}/${i}`)) : [];
  const file = declarations(path);
  const home = file.imports.get(type);
  if (home && existsSync(home) && home !== path) return unknownFields(value, type, home, at);
  const fields = file.interfaces.get(type);
  if (!fields || value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(
      ([name, item]) => fields.has(name) ? unknownFields(item, fields.get(name), path, `${at}/${name}`) : [`${at}/${name} does not exist`]);
}

// What is wrong with an object; empty when nothing is.
export async function schemaProblems(object) {
  const path = resolve(models, groupOf(object.apiVersion ?? ''), `${object.kind}.d.ts`);
  if (!existsSync(path)) return [`there is no ${object.kind} in ${object.apiVersion}`];
  const model = await import(`kubernetes-models/${groupOf(object.apiVersion)}/${object.kind}`);
  const problems = unknownFields(object, `I${object.kind}`, path, '');
  try {
    new model[object.kind](object).validate();
  } catch (error) {
    problems.push(error.message);
  }
  return problems;
}
