// How austin speaks with the vendor. Every function is pure: the same arguments give the same
// answer. There is no clock (context.now), no randomness (context.nonce) and no network: start
// and resume say which call to make, austin makes it. All types are in adapter.d.ts.

const STANDARD = "https://api.acme.example";

// What each of the vendor's codes means. A row is a promise about what is sent again: only
// "elsewhere" and "later" codes may be sent once more, so use them only where the vendor
// certainly did not take the message.
const CODES = {
  "bad_number": "bad_recipient",
  "forbidden_word": "bad_content",
  "no_credit": "misconfigured",
  "too_fast": "throttled",
};

export function start(account, batch, context) {
  const body = {
    sender: account.settings.sender,
    text: batch.items[0].text,
    messages: batch.items.map(item => ({ to: host.national(item.to), reference: item.reference })),
  };
  const text = JSON.stringify(body);
  return {
    call: {
      method: "POST",
      url: host.endpoint(account, STANDARD) + "/v1/send",
      headers: {
        "content-type": "application/json",
        "x-timestamp": String(context.now),
        "x-signature": host.hmac("sha256", account.secrets.key, context.now + text),
      },
      body: text,
    },
  };
}

export function resume(account, batch, state, reply, context) {
  // No answer, or not from the vendor's own software: the usual reading.
  if (reply.kind !== "http" || reply.status >= 300) return { all: host.verdict(reply) };
  // parseJson keeps ids that are too large for a number; it throws on what is no JSON, and then
  // austin knows that the outcome is unknown.
  const results = host.parseJson(reply.body).results;
  return {
    done: batch.items.map(item => {
      const result = results.find(one => one.reference === item.reference);
      if (!result) return { verdict: "unknown", code: "missing", detail: "no result for this one" };
      if (result.code === "ok") return { verdict: "accepted", vendor_id: String(result.id) };
      // Codes that are in no document: another account may take it.
      return { verdict: CODES[result.code] ?? "elsewhere", code: result.code, detail: result.message };
    }),
  };
}

export function receipts(account, request, context) {
  const expected = host.hmac("sha256", account.secrets.key, request.body);
  if (!host.equal(request.headers["x-signature"] ?? "", expected)) {
    return { refused: { status: 401, detail: "x-signature does not fit the body" } };
  }
  const posted = host.parseJson(request.body).receipts;
  return {
    receipts: posted.map(one => ({
      key: String(one.id),
      outcome: one.status === "delivered" ? "delivered" : "undelivered",
      code: one.status,
      at: one.at,
    })),
    content_type: "application/json",
    body: "{\"ok\":true}",
  };
}
