// A vendor with access tokens and a signature over the body, whose mainland and foreign numbers
// travel in separate calls.

const BASE = "https://api.acme.example";

/** Indexes of the items of each call. */
function rounds(batch) {
  const all = batch.items.map((_, index) => index);
  const mainland = (index) => batch.items[index].to.startsWith("+86");
  return [
    { path: "domestic", items: all.filter(mainland) },
    { path: "international", items: all.filter((index) => !mainland(index)) },
  ].filter((round) => round.items.length > 0);
}

/** The state: which round comes next, the token, the verdicts so far. */
const begin = { round: 0, token: null, renewed: false, verdicts: {} };

/** @type {import("./adapter").Start} */
export function start() {
  return { token: { name: "access" }, state: begin };
}

function send(account, batch, state, context) {
  const round = rounds(batch)[state.round];
  if (!round) return { done: batch.items.map((_, index) => state.verdicts[index]) };
  const body = JSON.stringify(round.items.map((index) => {
    const item = batch.items[index];
    return { to: host.national(item.to), text: item.text };
  }));
  const time = String(Math.floor(context.now / 1000));
  return {
    call: {
      method: "POST",
      url: `${host.endpoint(account, BASE)}/v2/${round.path}`,
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${state.token}`,
        "x-acme-time": time,
        "x-acme-sign": host.hmac("sha256", account.secrets.key, `${time}\n${body}`),
      },
      body,
    },
    state,
  };
}

/** @type {import("./adapter").Resume} */
export function resume(account, batch, state, reply, context) {
  if (reply.kind === "token") return send(account, batch, { ...state, token: reply.token }, context);
  const answer = read(reply);
  if (answer?.code === "token_expired" && !state.renewed) {
    return { token: { name: "access", refused: state.token }, state: { ...state, renewed: true } };
  }
  const verdicts = { ...state.verdicts };
  rounds(batch)[state.round].items.forEach((index, place) => {
    verdicts[index] = verdict(reply, answer, place);
  });
  return send(account, batch, { ...state, round: state.round + 1, verdicts }, context);
}

/** The answer as JSON, or nothing. */
function read(reply) {
  try {
    return reply.kind === "http" ? host.parseJson(reply.body) : undefined;
  } catch {
    return undefined;
  }
}

function verdict(reply, answer, place) {
  switch (answer?.code) {
    case undefined: return host.verdict(reply);
    case "ok": return { verdict: "accepted", vendor_id: answer.ids[place] };
    case "token_expired": return { verdict: "misconfigured", code: answer.code };
    default: return { verdict: "elsewhere", code: String(answer.code), detail: answer.text ?? "" };
  }
}

/** @type {import("./adapter").Ask} */
export function ask(account, question) {
  if (question.ask !== "token") return { done: { answer: "unsupported" } };
  return {
    call: {
      method: "POST",
      url: `${host.endpoint(account, BASE)}/v2/token`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: host.form.build({ client: account.settings.client, secret: account.secrets.key }),
    },
  };
}

/** @type {import("./adapter").AnswerQuestion} */
export function answer(account, question, state, reply) {
  const answer = read(reply);
  if (!answer?.token) return { done: { answer: "failed", with: host.verdict(reply) } };
  return { done: { answer: "token", value: answer.token, expires_in: answer.seconds } };
}
