"use strict";

/* A schema as a list of fields. Everything is set as text, never as markup. */

function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

/** Text in which `words` stand out as code. */
function prose(text) {
  const parts = (text || "").split("`");
  const nodes = parts.map((part, at) => (at % 2 ? make("code", "", part) : part));
  return nodes.filter((node) => node !== "");
}

function resolved(api, schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? { name, ...api.components.schemas[name] } : schema || {};
}

/** The alternatives of `oneOf` without null, and whether null was among them. */
function withoutNull(api, schema) {
  const full = resolved(api, schema);
  const alternatives = full.oneOf || full.anyOf;
  if (!alternatives) return [full, false];
  const others = alternatives.filter((s) => s.type !== "null");
  const only = others.length === 1 ? { description: full.description, ...resolved(api, others[0]) } : full;
  return [only, others.length < alternatives.length];
}

function typeName(api, schema) {
  const [full, nullable] = withoutNull(api, schema);
  const types = [].concat(full.type || []);
  const named = types.filter((t) => t !== "null");
  let name = named.join(" or ") || "any";
  if (full.items && named.includes("array")) name = `list of ${typeName(api, full.items)}`;
  if (named.includes("object")) name = full.name || "object";
  if (full.enum) name = full.enum.filter((v) => v !== null).map((v) => JSON.stringify(v)).join(" | ");
  if (full.format && !full.enum) name += ` (${full.format})`;
  return nullable || types.includes("null") ? `${name} or null` : name;
}

function limits(schema) {
  const said = [];
  if (schema.minimum !== undefined && schema.maximum !== undefined) said.push(`${schema.minimum} to ${schema.maximum}`);
  else if (schema.minimum !== undefined) said.push(`at least ${schema.minimum}`);
  if (schema.maxLength) said.push(`at most ${schema.maxLength} characters`);
  if (schema.maxItems) said.push(`at most ${schema.maxItems} entries`);
  return said.join(", ");
}

/** The fields of an object or of the objects in a list, nested where they hold more. */
function fieldsOf(api, schema, seen = []) {
  const [full] = withoutNull(api, schema);
  if (full.items) return fieldsOf(api, full.items, seen);
  if (!full.properties || seen.includes(full.name)) return null;
  const list = make("dl", "fields");
  for (const [name, property] of Object.entries(full.properties)) {
    const [inner] = withoutNull(api, property);
    const term = make("dt", "", name, make("span", "type", typeName(api, property)));
    if ((full.required || []).includes(name)) term.append(make("span", "must", "required"));
    const help = [property.description || inner.description, limits(inner)].filter(Boolean).join(" · ");
    const row = make("div", "", term);
    if (help) row.append(make("dd", "", ...prose(help)));
    const nested = fieldsOf(api, property, full.name ? [...seen, full.name] : seen);
    if (nested) row.append(make("dd", "nest", nested));
    list.append(row);
  }
  return list;
}
