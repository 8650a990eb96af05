"use strict";

const METHODS = ["get", "post", "patch", "put", "delete"];

function about(text) {
  const nodes = [];
  let list = null;
  for (const line of text.split("\n")) {
    if (line.startsWith("- ")) {
      list ||= nodes[nodes.push(make("ul", "links")) - 1];
      list.append(make("li", "", ...prose(line.slice(2))));
    } else if (line.trim()) {
      list = null;
      nodes.push(make("p", "", ...prose(line)));
    }
  }
  return nodes;
}

function parameters(api, operation) {
  const list = make("dl", "fields");
  for (const parameter of operation.parameters || []) {
    const term = make("dt", "", parameter.name, make("span", "type", `${parameter.in}, ${typeName(api, parameter.schema)}`));
    if (parameter.required) term.append(make("span", "must", "required"));
    const help = [parameter.description, limits(parameter.schema || {})].filter(Boolean).join(" · ");
    list.append(make("div", "", term, make("dd", "", ...prose(help))));
  }
  return list;
}

function contents(api, content) {
  const nodes = [];
  for (const [type, media] of Object.entries(content || {})) {
    nodes.push(make("p", "quiet", make("code", "", type)));
    const fields = media.schema && fieldsOf(api, media.schema);
    if (fields) nodes.push(fields);
  }
  return nodes;
}

function answers(api, operation) {
  const nodes = [];
  const problems = make("dl", "fields");
  for (const [status, response] of Object.entries(operation.responses)) {
    const name = response.$ref?.split("/").pop();
    const full = name ? api.components.responses[name] : response;
    const body = make("dd", "", ...prose(full.description));
    const row = make("div", "", make("dt", "", status), body);
    if (status >= "400") {
      problems.append(row);
      continue;
    }
    const headers = Object.entries(full.headers || {});
    if (headers.length) body.append(make("p", "quiet", `Headers: ${headers.map(([n]) => n).join(", ")}`));
    nodes.push(make("dl", "fields", row), ...contents(api, full.content));
  }
  nodes.push(problems);
  return nodes;
}

/** What is inside is built when it is opened first: the whole is long. */
function operation(api, path, method, described) {
  const details = make("details", "operation");
  details.id = described.operationId;
  const summary = make("summary", "", make("span", "method", method.toUpperCase()),
    make("span", "path", path), make("span", "summary", described.summary || ""));
  details.append(summary);
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    const body = make("div", "");
    if (described.description) body.append(make("p", "", ...prose(described.description)));
    if (described.security?.some((s) => Object.keys(s).length === 0)) body.append(make("p", "quiet", "Needs no token."));
    if (described.parameters?.length) body.append(make("h3", "", "Parameters"), parameters(api, described));
    if (described.requestBody) body.append(make("h3", "", "Body"), ...contents(api, described.requestBody.content));
    body.append(make("h3", "", "Answers"), ...answers(api, described));
    details.append(body);
  });
  return details;
}

/** All words of an operation, those of its fields too, for searching. */
function words(api, path, method, described) {
  const found = [path, method, JSON.stringify(described)];
  for (const [, name] of found[2].matchAll(/schemas\/(\w+)"/g)) {
    found.push(Object.keys(api.components.schemas[name]?.properties || {}).join(" "));
  }
  return found.join(" ").toLowerCase();
}

function render(api) {
  element("about").replaceChildren(...about(api.info.description));
  const sections = [];
  const entries = [];
  for (const tag of api.tags) {
    const section = make("section", "", make("h2", "", tag.name), make("p", "quiet", tag.description));
    for (const [path, item] of Object.entries(api.paths)) {
      for (const method of METHODS.filter((m) => item[m]?.tags?.includes(tag.name))) {
        const shown = operation(api, path, method, item[method]);
        entries.push({ section, shown, words: words(api, path, method, item[method]) });
        section.append(shown);
      }
    }
    sections.push(section);
  }
  element("operations").replaceChildren(...sections);
  element("search").addEventListener("input", () => search(entries, sections));
  openLinked();
}

function search(entries, sections) {
  const wanted = element("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of sections) section.hidden = true;
  let found = 0;
  for (const entry of entries) {
    const hit = wanted.every((word) => entry.words.includes(word));
    entry.shown.hidden = !hit;
    if (hit) {
      entry.section.hidden = false;
      found += 1;
    }
  }
  element("none").hidden = found > 0;
}

/** An address with an operation's id opens it. */
function openLinked() {
  const linked = location.hash && document.getElementById(location.hash.slice(1));
  if (linked) {
    linked.open = true;
    linked.scrollIntoView();
  }
}

const element = (id) => document.getElementById(id);

fetch("/openapi.json")
  .then((response) => response.json())
  .then(render)
  .catch(() => element("operations").replaceChildren(make("p", "", "The description could not be read; try again.")));
addEventListener("hashchange", openLinked);
