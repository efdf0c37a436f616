"use strict";
(async () => {
  const byId = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };
  const verbs = ["get", "post", "put", "delete"];
  const main = byId("content");

  let api;
  try {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error("status " + answer.status);
    api = await answer.json();
  } catch (error) {
    byId("loading").textContent = "/openapi.json could not be read: " + error.message;
    return;
  }
  byId("loading").remove();
  byId("version").textContent = api.info.version;

  // The little markdown that descriptions use: paragraphs, `code`, **bold**.
  const inline = (text) => text.split(/(`[^`]*`|\*\*[^*]*\*\*)/).map((piece) =>
    piece.startsWith("`") ? make("code", {}, piece.slice(1, -1))
      : piece.startsWith("**") ? make("strong", {}, piece.slice(2, -2)) : piece);
  const paragraphs = (text) => (text || "").split(/\n\n+/).filter(Boolean)
    .map((paragraph) => make("p", {}, ...inline(paragraph.replace(/\n/g, " "))));

  const follow = (schema) => {
    let name = null;
    while (schema && schema.$ref) {
      name = schema.$ref.split("/").pop();
      schema = api.components.schemas[name];
    }
    return { name, schema: schema || {} };
  };
  const kind = (raw) => {
    const { name, schema } = follow(raw);
    const choices = schema.oneOf || schema.anyOf;
    if (choices) return choices.map(kind).filter((k) => k !== "null").join(" or ");
    const type = [].concat(schema.type || "any").filter((t) => t !== "null").join(" or ");
    if (type === "array") return "array of " + kind(schema.items || {});
    if (type === "object" && !name && schema.additionalProperties) return "object of " + kind(schema.additionalProperties);
    if (type === "object" && name) return name;
    return schema.format && type === "string" ? schema.format : type;
  };
  const parts = (raw) => {
    const { schema } = follow(raw);
    if (schema.allOf) {
      return schema.allOf.map(parts).reduce((all, one) => ({
        properties: { ...all.properties, ...one.properties },
        required: all.required.concat(one.required),
      }), { properties: {}, required: [] });
    }
    return { properties: schema.properties || {}, required: schema.required || [] };
  };
  const inner = (raw) => {
    const { schema } = follow(raw);
    const choices = schema.oneOf || schema.anyOf;
    if (choices) return choices.map(inner).find(Boolean) || null;
    if (schema.type === "array" || (Array.isArray(schema.type) && schema.type.includes("array"))) return inner(schema.items || {});
    if (schema.additionalProperties && typeof schema.additionalProperties === "object") return inner(schema.additionalProperties);
    return Object.keys(parts(raw).properties).length ? raw : null;
  };
  const fields = (raw, prefix = "", depth = 0) => {
    const { properties, required } = parts(raw);
    return Object.entries(properties).flatMap(([name, property]) => {
      const described = property.description || follow(property).schema.description || "";
      const row = make("tr", {},
        make("td", {}, make("code", {}, prefix + name),
          required.includes(name) ? make("span", { class: "must" }, "required") : null),
        make("td", {}, kind(property)),
        make("td", {}, ...inline(described.replace(/\n/g, " "))));
      const nested = depth < 3 ? inner(property) : null;
      const many = kind(property).startsWith("array") ? "[]." : ".";
      return nested ? [row, ...fields(nested, prefix + name + many, depth + 1)] : [row];
    });
  };
  const table = (rows) => make("table", {}, make("tbody", {}, ...rows));
  const shape = (content) => Object.entries(content || {}).flatMap(([type, media]) => {
    const schema = media.schema || {};
    const example = media.example || follow(schema).schema.example;
    const target = inner(schema);
    return [
      make("h4", {}, type),
      example && typeof example === "object" ? make("pre", { tabindex: "0" }, JSON.stringify(example, null, 2)) : null,
      target ? table(fields(target)) : null,
    ].filter(Boolean);
  });
  const parameters = (list) => table(list.map((parameter) => make("tr", {},
    make("td", {}, make("code", {}, parameter.name),
      parameter.required ? make("span", { class: "must" }, "required") : null),
    make("td", {}, parameter.in + ", " + kind(parameter.schema || {})),
    make("td", {}, ...inline(parameter.description || "")))));
  const roles = (operation) => {
    const needs = (operation.security || []).flatMap((one) => one.bearer || []);
    const open = !operation.security || operation.security.some((one) => Object.keys(one).length === 0);
    return (needs.length ? needs : ["open"]).concat(open && needs.length ? ["open locally"] : []);
  };
  const article = (id, verb, path, operation) => {
    const sections = [];
    if (operation.parameters && operation.parameters.length) {
      sections.push(make("h4", {}, "Parameters"), parameters(operation.parameters));
    }
    if (operation.requestBody) {
      sections.push(make("details", { open: "" }, make("summary", {}, "Request body"), ...shape(operation.requestBody.content)));
    }
    for (const [status, response] of Object.entries(operation.responses || {})) {
      const good = status.startsWith("2");
      sections.push(make("details", {},
        make("summary", {}, make("b", { class: good ? "ok" : "no" }, status), response.description || ""),
        ...shape(response.content)));
    }
    return make("article", { id },
      make("h3", {}, operation.summary || path),
      make("div", { class: "line" }, make("span", { class: "verb " + verb }, verb), make("code", {}, path),
        ...roles(operation).map((role) => make("span", { class: "role" }, role))),
      ...paragraphs(operation.description), ...sections);
  };

  document.title = api.info.title + " API";
  main.append(make("h1", {}, api.info.title + " API"), make("div", { class: "intro" }, ...paragraphs(api.info.description)));
  const entries = [];
  for (const tag of api.tags) {
    const section = make("section", {}, make("h2", {}, tag.name), make("p", {}, tag.description || ""));
    const links = make("div", {}, make("h2", {}, tag.name));
    for (const [path, item] of Object.entries(api.paths)) {
      for (const verb of verbs.filter((name) => item[name] && (item[name].tags || []).includes(tag.name))) {
        const operation = item[verb];
        const id = verb + path.replace(/[^a-z0-9]+/gi, "-");
        const link = make("a", { href: "#" + id },
          make("span", { class: "verb " + verb }, verb), operation.summary || path);
        const node = article(id, verb, path, operation);
        section.append(node);
        links.append(link);
        entries.push({ link, node, section, links, text: (verb + " " + path + " " + operation.summary).toLowerCase() });
      }
    }
    if (section.querySelector("article")) {
      main.append(section);
      byId("nav").append(links);
    }
  }
  byId("search").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const entry of entries) entry.link.hidden = entry.node.hidden = !entry.text.includes(wanted);
    for (const entry of entries) {
      const empty = !entry.section.querySelector("article:not([hidden])");
      entry.section.hidden = entry.links.hidden = empty;
    }
  });
  if (location.hash) {
    const target = byId(location.hash.slice(1));
    if (target) target.scrollIntoView();
  }
})();
