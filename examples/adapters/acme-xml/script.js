// A vendor that speaks XML.

const BASE = "https://xml.acme.example";
const MEANING = { 2: "bad_recipient", 3: "bad_content", 5: "misconfigured", 6: "throttled" };

const tag = (name, text) => `<${name}>${host.xml.escape(text)}</${name}>`;

function post(account, path, name, inside) {
  const body = `<?xml version="1.0" encoding="UTF-8"?><${name}>`
    + tag("user", account.settings.user) + tag("password", account.secrets.password) + inside + `</${name}>`;
  return {
    call: {
      method: "POST",
      url: `${host.endpoint(account, BASE)}/${path}`,
      headers: { "content-type": "text/xml; charset=utf-8" },
      body,
    },
  };
}

/** The answer, or nothing. */
function read(reply) {
  try {
    return reply.kind === "http" ? host.xml.parse(reply.body) : undefined;
  } catch {
    return undefined;
  }
}

/** @type {import("./adapter").Start} */
export function start(account, batch) {
  const item = batch.items[0];
  return post(account, "submit", "submit",
    `<message ref="${host.xml.escape(item.reference)}">`
    + tag("to", host.national(item.to)) + tag("text", item.text ?? "") + "</message>");
}

/** @type {import("./adapter").Resume} */
export function resume(account, batch, state, reply) {
  const result = read(reply);
  if (result?.name !== "result") return { all: host.verdict(reply) };
  const code = result.attributes.code;
  if (code !== "0") {
    return { all: { verdict: MEANING[code] ?? "elsewhere", code: code ?? "none", detail: result.text } };
  }
  const message = result.children[0];
  if (!message?.attributes.id) {
    return { all: { verdict: "unknown", code: "no_id", detail: "the answer has no message id" } };
  }
  return { all: { verdict: "accepted", vendor_id: message.attributes.id, segments: Number(message.attributes.parts || "1") } };
}

/** @type {import("./adapter").ReadReceipts} */
export function receipts(account, request) {
  let reports;
  try {
    reports = host.xml.parse(request.body);
  } catch {
    return { refused: { status: 400, detail: "not XML" } };
  }
  if (!host.equal(reports.attributes.key ?? "", account.secrets.report_key)) {
    return { refused: { status: 401, detail: "the key is not right" } };
  }
  const field = (report, name) => report.children.find((child) => child.name === name)?.text ?? "";
  return {
    receipts: reports.children.map((report) => {
      const code = field(report, "status");
      const time = field(report, "time");
      const receipt = {
        key: report.attributes.id,
        outcome: code === "0" ? "delivered" : "undelivered",
        code,
        detail: field(report, "text"),
      };
      if (time) receipt.at = host.time.parse(time, "%Y%m%d%H%M%S", "+08:00");
      return receipt;
    }),
    content_type: "text/xml",
    body: "<ok/>",
  };
}

/** @type {import("./adapter").Ask} */
export function ask(account, question) {
  if (question.ask !== "recall" || !question.vendor_id) return { done: { answer: "unsupported" } };
  return post(account, "cancel", "cancel", tag("id", question.vendor_id));
}

/** @type {import("./adapter").AnswerQuestion} */
export function answer(account, question, state, reply) {
  const result = read(reply);
  if (result?.name !== "result") return { done: { answer: "failed", with: host.verdict(reply) } };
  const code = result.attributes.code ?? "none";
  if (code === "0") return { done: { answer: "recalled" } };
  return { done: { answer: "not_recalled", code, detail: result.text } };
}
