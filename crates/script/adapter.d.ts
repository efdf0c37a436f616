// The contract between austin and an adapter written in JavaScript (QuickJS, ES2023, one module,
// no imports). A script is a set of pure functions: the same arguments give the same result.
// It opens no connection, reads no clock and keeps nothing between two calls: it returns a
// request, austin carries it out and comes back with the reply.
//
//   /** @type {import("./adapter").Start} */
//   export function start(account, batch, context) { … }

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** One set of credentials. Frozen. */
export interface Account {
  readonly key: string;
  /** By the names of the descriptor; a setting that is not given is missing. */
  readonly settings: { readonly [name: string]: Json };
  readonly secrets: { readonly [name: string]: string };
}

export interface Context {
  /** Now, in milliseconds since 1970. There is no other clock. */
  readonly now: number;
  /** The same as RFC 3339 text, e.g. 2026-01-02T03:04:05.000Z. */
  readonly now_text: string;
  /** 32 hexadecimal digits, random, never repeated. There is no other randomness. */
  readonly nonce: string;
}

export interface Item {
  /** Our reference (dlv_…). Give it to the vendor where there is a place for it. */
  reference: string;
  /** Phones: E.164 text with +. See host.national. */
  to: string;
  vars: { [name: string]: string };
  /** Channels of plain text, and the text part of an e-mail. */
  text?: string;
  /** E-mail. */
  subject?: string;
  html?: string;
  /** Channels whose template is a JSON document: its text. */
  payload?: string;
}

export interface Batch {
  class: "verification" | "notification" | "marketing";
  /** Our template key. */
  template: string;
  /** How the vendor knows the template, when it says so for this account. */
  vendor_template: {
    template_id: string | null;
    sign: string | null;
    /** Our variable names in the order of the vendor's parameters. */
    params: string[] | null;
  } | null;
  /** At least one, at most descriptor.batching.max_recipients. */
  items: Item[];
}

export interface Request {
  method: string;
  /** Only hosts of the definition's `hosts`, or the account's `endpoint`. */
  url: string;
  headers?: { [name: string]: string };
  body?: string;
  /** Instead of body, for bytes that are not text. */
  body_base64?: string;
  /** Most bytes of answer worth reading; 262144 unless said. */
  max_reply_bytes?: number;
  /** Whole time of the call; 10000 unless said, at most 60000. */
  deadline_ms?: number;
}

export interface HttpReply {
  kind: "http";
  status: number;
  /** Names in lower case. */
  headers: { [name: string]: string };
  /** Empty when the bytes are no UTF-8; they are in body_base64 then. */
  body: string;
  body_base64?: string;
}

export interface TokenReply {
  kind: "token";
  token: string;
}

/** No answer. `not_sent`: the vendor certainly got nothing. host.verdict reads it as usual. */
export interface FaultReply {
  kind: "fault";
  phase: "not_sent" | "maybe_sent";
  code: string;
  detail: string;
}

export type Reply = HttpReply | TokenReply | FaultReply;

/** What a send came to, for one recipient. `code` is the vendor's own code. */
export type Verdict =
  | { verdict: "accepted"; vendor_id?: string; receipt_key?: string; segments?: number;
      /** In 1/10000 of the currency unit. */ cost?: number }
  /** This address will keep failing, at every vendor. */
  | { verdict: "bad_recipient"; code: string; detail?: string }
  /** These words are refused, at every vendor. */
  | { verdict: "bad_content"; code: string; detail?: string }
  /** Refused here and now; another account may take it at once. */
  | { verdict: "elsewhere"; code: string; detail?: string }
  /** This vendor does not write to this number now (its rules about one number, its lists): another
      account may. With seconds: waits for this one. Not held against the account. */
  | { verdict: "number_refused"; code: string; detail?: string; seconds?: number }
  /** May succeed at this account later, after so many seconds. */
  | { verdict: "later"; code: string; detail?: string; seconds?: number }
  /** The account asks for less traffic. */
  | { verdict: "throttled"; code: string; detail?: string; seconds?: number }
  /** Credentials, money, approval: the whole account stops until somebody mends it. */
  | { verdict: "misconfigured"; code: string; detail?: string }
  /** The vendor may or may not have taken it. Never sent again blindly. */
  | { verdict: "unknown"; code: string; detail?: string };

/** What happens next. `state` is handed to the next function. */
export type Step =
  | { call: Request; state?: Json }
  /** Come back with a token. `refused`: the one the vendor just called invalid. */
  | { token: { name: string; refused?: string }; state?: Json }
  /** One verdict per item, in their order. */
  | { done: Verdict[] }
  /** The same verdict for every item. */
  | { all: Verdict };

export interface Inbound {
  method: string;
  /** The public URL, as far as we know it. */
  url: string;
  query: { [name: string]: string };
  headers: { [name: string]: string };
  body: string;
  body_base64?: string;
}

export interface Receipt {
  /** What it is matched by: the acceptance's receipt_key, or its vendor_id. Or `reference`. */
  key?: string;
  reference?: string;
  outcome: "delivered" | "undelivered" | "pending";
  /** The vendor's own code. */
  code: string;
  detail?: string;
  /** Milliseconds since 1970, or RFC 3339 text. See host.time. */
  at?: number | string;
  segments?: number;
  /** As received, for evidence, without secrets; unless said, this receipt as JSON. */
  raw?: string;
}

export type Receipts =
  /** The answer goes out once the receipts are durable: 200, text/plain, empty unless said. */
  | { receipts: Receipt[]; status?: number; content_type?: string; body?: string }
  /** 401 not authentic, 400 not understood. */
  | { refused: { status: number; detail: string } };

interface Subject {
  reference: string;
  to: string;
  vendor_id: string | null;
  /** Milliseconds since 1970. */
  sent_at: number;
}

export type Question =
  | { ask: "token"; name: string }
  /** `cursor` is what the last pull left; null the first time. */
  | { ask: "pull"; cursor: Json }
  | ({ ask: "query" } & Subject)
  | ({ ask: "recall" } & Subject)
  | { ask: "balance" };

export type Answer =
  /** Seconds. */
  | { answer: "token"; value: string; expires_in?: number }
  /** `more`: pull again at once. */
  | { answer: "receipts"; receipts: Receipt[]; cursor?: Json; more?: boolean }
  /** The vendor has it. */
  | { answer: "known"; accepted?: { vendor_id?: string; receipt_key?: string; segments?: number; cost?: number }; receipt?: Receipt }
  /** It certainly never got it: sending it again cannot double anything. */
  | { answer: "absent" }
  | { answer: "unclear"; code: string; detail?: string }
  | { answer: "recalled" }
  | { answer: "not_recalled"; code: string; detail?: string }
  /** In 1/10000 of the unit: an ISO 4217 currency, or "messages". */
  | { answer: "balance"; amount: number; unit: string }
  | { answer: "failed"; with: Verdict }
  | { answer: "unsupported" };

export type Asking =
  | { call: Request; state?: Json }
  | { token: { name: string; refused?: string }; state?: Json }
  | { done: Answer };

/** Required. Begins a send. */
export type Start = (account: Account, batch: Batch, context: Context) => Step;
/** Required. Goes on after the reply to the last call or token; faults come here too. */
export type Resume = (account: Account, batch: Batch, state: Json, reply: Reply, context: Context) => Step;
/** With capabilities.receipts. Reads what the vendor posted. */
export type ReadReceipts = (account: Account, request: Inbound, context: Context) => Receipts;
/** With capabilities pull, query, recall, balance, or when `token` steps are used. */
export type Ask = (account: Account, question: Question, context: Context) => Asking;
export type AnswerQuestion = (account: Account, question: Question, state: Json, reply: Reply, context: Context) => Asking;

/** Text is taken as its UTF-8 bytes. */
export type Data = string | { hex: string } | { base64: string };
export type Encoding = "hex" | "base64" | "base64url";
export type Digest = "md5" | "sha1" | "sha256" | "sha512" | "sm3";

export interface Element {
  name: string;
  attributes: { [name: string]: string };
  /** The text directly inside. */
  text: string;
  children: Element[];
}

export interface Host {
  digest(algorithm: Digest, data: Data, encoding?: Encoding): string;
  md5(data: Data, encoding?: Encoding): string;
  sha1(data: Data, encoding?: Encoding): string;
  sha256(data: Data, encoding?: Encoding): string;
  sha512(data: Data, encoding?: Encoding): string;
  sm3(data: Data, encoding?: Encoding): string;
  hmac(algorithm: Digest, key: Data, data: Data, encoding?: Encoding): string;
  /** Signs with a PKCS #8 key in PEM. RSA is PKCS #1 v1.5. ECDSA signatures differ each time. */
  sign(algorithm: "rsa-sha256" | "rsa-sha512" | "ecdsa-p256-sha256", key: string, data: Data, encoding?: Encoding): string;
  /** Compares in constant time; for signatures of callbacks. */
  equal(one: string, other: string): boolean;
  /** The bytes of `data`, encoded: hex unless said. */
  encode(data: Data, encoding?: Encoding): string;
  /** The text whose bytes are `data`. Throws when they are no UTF-8. */
  decode(data: Data): string;
  /** RFC 3986: everything but A-Z a-z 0-9 - _ . ~ */
  urlEncode(text: string): string;
  form: {
    /** Pairs in their order; an object's in the order it lists them. */
    build(pairs: { [name: string]: string } | [string, string][]): string;
    /** The last of several of one name. */
    parse(form: string): { [name: string]: string };
  };
  xml: {
    escape(text: string): string;
    /** Throws on what is not well-formed. No entities but the five, no DTD. */
    parse(xml: string): Element;
  };
  /** JSON.parse, but whole numbers too large for a number stay text (64-bit ids). */
  parseJson(json: string): Json;
  time: {
    /** strftime; `offset` such as "+08:00", UTC unless said. */
    format(millis: number, pattern: string, offset?: string): string;
    /** Milliseconds; throws when the text does not fit. */
    parse(text: string, pattern: string, offset?: string): number;
  };
  /** A mainland number without +86; others with their country code, without +. */
  national(to: string): string;
  /** The account's endpoint setting without a trailing slash, else `standard`. */
  endpoint(account: Account, standard: string): string;
  /** The usual verdict for a reply without the vendor's own code: faults, and what the HTTP
   *  status says. */
  verdict(reply: Reply): Verdict;
}

declare global {
  const host: Host;
}
