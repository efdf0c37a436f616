// Speaks the simulator's protocol as the built-in adapter does, so that the two can be compared.

export function start(account, batch, context) {
  const body = {
    account: account.key,
    class: batch.class,
    messages: batch.items.map(item => ({ reference: item.reference, to: item.to, text: item.text })),
  };
  return {
    call: {
      method: "POST",
      url: host.endpoint(account, "https://api.acme.example") + "/sim/send",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    },
  };
}

export function resume(account, batch, state, reply, context) {
  if (reply.kind !== "http" || reply.status >= 300) return { all: host.verdict(reply) };
  const results = new Map(host.parseJson(reply.body).results.map(one => [one.reference, one]));
  return {
    done: batch.items.map(item => {
      const result = results.get(item.reference);
      if (!result) return { verdict: "unknown", code: "missing", detail: "no result for this one" };
      if (result.code === "ok") return { verdict: "accepted", vendor_id: String(result.id) };
      return { verdict: "elsewhere", code: result.code, detail: "" };
    }),
  };
}
