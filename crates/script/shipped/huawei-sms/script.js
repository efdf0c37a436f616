// Huawei Cloud SMS: batchSendDiffSms carries a text of its own for each recipient, signed by
// X-WSSE.

const BASE = "https://smsapi.cn-north-4.myhuaweicloud.com:443";

/** Codes of a call or of one number; anything else is a refusal another account may not share. */
const MEANING = {
  E000000: "elsewhere",
  E000111: "misconfigured", E000112: "misconfigured", E000620: "misconfigured",
  E000623: "throttled", E200015: "throttled",
  E000027: "bad_recipient", E000503: "elsewhere", E200028: "elsewhere",
};
for (const range of [[1, 8], [20, 23], [40, 40]]) {
  for (let n = range[0]; n <= range[1]; n++) MEANING[`E${String(n).padStart(6, "0")}`] = "misconfigured";
}
// Template or signature not usable: other templates of the account still go.
for (let n = 29; n <= 33; n++) MEANING[`E2000${n}`] = "elsewhere";

const refusal = (code, detail) => ({ verdict: MEANING[code] ?? "elsewhere", code, detail: detail ?? "" });

function wsse(account, context) {
  const created = host.time.format(context.now, "%Y-%m-%dT%H:%M:%SZ");
  const hex = host.sha256(context.nonce + created + account.secrets.app_secret);
  const digest = host.encode(hex, "base64");
  return `UsernameToken Username="${account.secrets.app_key}",PasswordDigest="${digest}",Nonce="${context.nonce}",Created="${created}"`;
}

/** @type {import("./adapter").Start} */
export function start(account, batch, context) {
  const known = batch.vendor_template ?? {};
  const templateId = known.template_id || account.settings.template_id;
  if (!templateId) {
    return { all: { verdict: "elsewhere", code: "no_template_id", detail: "neither the template nor the account names a Huawei template" } };
  }
  const signature = known.sign || account.settings.signature;
  const names = known.params ?? Object.keys(batch.items[0].vars).sort();
  const content = batch.items.map((item) => ({
    to: [item.to],
    templateId,
    templateParas: names.map((name) => item.vars[name] ?? ""),
    ...(signature ? { signature } : {}),
  }));
  const body = { from: account.settings.from, smsContent: content };
  if (account.settings.status_callback) body.statusCallback = account.settings.status_callback;
  return {
    call: {
      method: "POST",
      url: `${host.endpoint(account, BASE)}/sms/batchSendDiffSms/v1`,
      headers: {
        "content-type": "application/json",
        authorization: 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"',
        "x-wsse": wsse(account, context),
      },
      body: JSON.stringify(body),
    },
  };
}

const digits = (number) => String(number ?? "").replace(/\D/g, "");

/** @type {import("./adapter").Resume} */
export function resume(account, batch, state, reply, context) {
  if (reply.kind !== "http") return { all: host.verdict(reply) };
  let answer;
  try {
    answer = JSON.parse(reply.body);
  } catch {
    answer = null;
  }
  if (!answer?.code) return { all: host.verdict(reply) };
  if (!Array.isArray(answer.result)) {
    if (answer.code === "000000") {
      return { all: { verdict: "unknown", code: "no_result", detail: "the answer names no recipient" } };
    }
    const verdict = refusal(answer.code, answer.description);
    // About one number, which it does not name: the others are not bad.
    if (verdict.verdict === "bad_recipient" && batch.items.length > 1) verdict.verdict = "elsewhere";
    return { all: verdict };
  }
  const entries = [...answer.result];
  return {
    done: batch.items.map((item) => {
      const at = entries.findIndex((entry) => digits(entry.originTo) === digits(item.to));
      if (at < 0) {
        return { verdict: "unknown", code: "no_entry", detail: "the answer says nothing of this recipient" };
      }
      const [entry] = entries.splice(at, 1);
      if (entry.status !== "000000") return refusal(entry.status, "");
      const accepted = { verdict: "accepted", vendor_id: entry.smsMsgId };
      if (Number.isInteger(entry.total) && entry.total > 0) accepted.segments = entry.total;
      return accepted;
    }),
  };
}

/** @type {import("./adapter").ReadReceipts} */
export function receipts(account, request) {
  const form = host.form.parse(request.body);
  if (!form.smsMsgId || !form.status) {
    return { refused: { status: 400, detail: "smsMsgId or status is missing" } };
  }
  const total = Number(form.total || "1");
  const receipt = {
    key: form.smsMsgId,
    outcome: { DELIVRD: "delivered", ACCEPTD: "pending", UNKNOWN: "pending" }[form.status] ?? "undelivered",
    code: form.status,
    detail: form.statusDesc ?? (total > 1 ? `part ${form.sequence} of ${total}` : ""),
  };
  // A part that arrived is not yet the whole message.
  if (receipt.outcome === "delivered" && total > 1 && form.sequence !== form.total) receipt.outcome = "pending";
  if (form.updateTime) receipt.at = host.time.parse(form.updateTime, "%Y-%m-%dT%H:%M:%SZ");
  return { receipts: [receipt], content_type: "application/json", body: "{}" };
}
