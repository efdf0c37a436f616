// Vonage SMS API: a form each way, one recipient a call, one entry of the answer per part.

const BASE = "https://rest.nexmo.com";

const MEANING = {
  1: "throttled", 5: "elsewhere",
  4: "misconfigured", 8: "misconfigured", 9: "misconfigured", 10: "throttled",
  11: "misconfigured", 14: "misconfigured", 15: "misconfigured", 29: "misconfigured",
  6: "elsewhere", 7: "bad_recipient", 33: "bad_recipient",
  2: "elsewhere", 3: "elsewhere", 12: "bad_content", 22: "elsewhere", 23: "elsewhere", 32: "misconfigured",
};

/** Characters of GSM 03.38 and its extension: anything else needs type=unicode. */
const GSM = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
  "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€",
);

function signature(account, pairs) {
  const text = Object.keys(pairs)
    .filter((name) => name !== "sig")
    .sort()
    .map((name) => `&${name}=${String(pairs[name]).replace(/[&=]/g, "_")}`)
    .join("");
  const method = account.settings.signature_method || "sha256";
  return host.hmac(method, account.secrets.signature_secret, text);
}

function authentic(account, pairs, context) {
  const key = account.secrets.api_key;
  if (!account.secrets.signature_secret) {
    return { ...pairs, api_key: key, api_secret: account.secrets.api_secret || "" };
  }
  const signed = { ...pairs, api_key: key, timestamp: String(Math.floor(context.now / 1000)) };
  return { ...signed, sig: signature(account, signed) };
}

/** @type {import("./adapter").Start} */
export function start(account, batch, context) {
  const item = batch.items[0];
  const text = item.text ?? "";
  const pairs = {
    from: account.settings.from,
    to: item.to.replace(/^\+/, ""),
    text,
    type: [...text].every((letter) => GSM.has(letter)) ? "text" : "unicode",
    "client-ref": item.reference,
    "status-report-req": "1",
  };
  if (account.settings.callback) pairs.callback = account.settings.callback;
  return {
    call: {
      method: "POST",
      url: `${host.endpoint(account, BASE)}/sms/json`,
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: host.form.build(authentic(account, pairs, context)),
    },
  };
}

/** 0.03330000 in 1/10000 of the currency unit. */
const price = (text) => Math.round(Number(text || "0") * 10000);

/** @type {import("./adapter").Resume} */
export function resume(account, batch, state, reply, context) {
  if (reply.kind !== "http" || reply.status < 200 || reply.status > 299) return { all: host.verdict(reply) };
  let parts;
  try {
    parts = host.parseJson(reply.body).messages;
  } catch {
    parts = undefined;
  }
  if (!Array.isArray(parts) || parts.length === 0) {
    return { all: { verdict: "unknown", code: "unreadable_answer", detail: "the answer has no messages" } };
  }
  const refused = parts.find((part) => String(part.status) !== "0");
  if (refused && parts.some((part) => String(part.status) === "0")) {
    // Some parts went out: sending again would double them.
    return { all: { verdict: "unknown", code: String(refused.status), detail: "only some parts were taken" } };
  }
  if (refused) {
    const code = String(refused.status);
    return { all: { verdict: MEANING[code] ?? "elsewhere", code, detail: refused["error-text"] ?? "" } };
  }
  const first = parts[0];
  return {
    all: {
      verdict: "accepted",
      vendor_id: first["message-id"],
      segments: parts.length,
      cost: parts.reduce((sum, part) => sum + price(part["message-price"]), 0),
    },
  };
}

/** @type {import("./adapter").ReadReceipts} */
export function receipts(account, request) {
  let pairs = request.query;
  if (request.method !== "GET" && request.body !== "") {
    const json = (request.headers["content-type"] ?? "").includes("json");
    pairs = json ? JSON.parse(request.body) : host.form.parse(request.body);
  }
  if (account.secrets.signature_secret) {
    const given = String(pairs.sig ?? "").toLowerCase();
    if (!host.equal(given, signature(account, pairs))) {
      return { refused: { status: 401, detail: "the signature is not right" } };
    }
  }
  if (!pairs.messageId || !pairs.status) {
    return { refused: { status: 400, detail: "messageId or status is missing" } };
  }
  const outcome = { delivered: "delivered", accepted: "pending", buffered: "pending", unknown: "pending" };
  const receipt = {
    key: pairs.messageId,
    outcome: outcome[pairs.status] ?? "undelivered",
    code: pairs.status,
    detail: pairs["err-code"] && pairs["err-code"] !== "0" ? `err-code ${pairs["err-code"]}` : "",
  };
  if (pairs["client-ref"]) receipt.reference = pairs["client-ref"];
  if (/^\d{10}$/.test(pairs.scts ?? "")) receipt.at = host.time.parse(pairs.scts, "%y%m%d%H%M");
  return { receipts: [receipt] };
}

/** @type {import("./adapter").Ask} */
export function ask(account, question) {
  if (question.ask !== "balance") return { done: { answer: "unsupported" } };
  const query = host.form.build({
    api_key: account.secrets.api_key,
    api_secret: account.secrets.api_secret || "",
  });
  return { call: { method: "GET", url: `${host.endpoint(account, BASE)}/account/get-balance?${query}` } };
}

/** @type {import("./adapter").AnswerQuestion} */
export function answer(account, question, state, reply) {
  if (reply.kind !== "http" || reply.status !== 200) {
    return { done: { answer: "failed", with: host.verdict(reply) } };
  }
  return { done: { answer: "balance", amount: price(JSON.parse(reply.body).value), unit: "EUR" } };
}
