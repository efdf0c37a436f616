// Runs once in each engine, before the script: takes away what is not pure, then freezes the rest.
(() => {
  "use strict";
  const refuse = (what) => () => {
    throw new TypeError(`${what} is not there: use context.now and context.nonce`);
  };

  const Clock = globalThis.Date;
  function Date(...parts) {
    if (!new.target || parts.length === 0) refuse("the clock")();
    return Reflect.construct(Clock, parts, new.target);
  }
  Date.prototype = Clock.prototype;
  Object.defineProperty(Date.prototype, "constructor", { value: Date });
  Date.UTC = Clock.UTC;
  Date.parse = Clock.parse;
  Date.now = refuse("the clock");
  globalThis.Date = Date;
  Math.random = refuse("randomness");

  for (const name of [
    "performance", "WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics",
    "queueMicrotask", "print", "console", "gc", "scriptArgs", "bjson", "navigator",
  ]) {
    delete globalThis[name];
  }

  // Accessors whose setters would reach past a frozen object.
  Object.defineProperty(Error, "prepareStackTrace", { value: undefined, configurable: true });
  Object.defineProperty(Error, "stackTraceLimit", { value: 10, configurable: true });

  const seen = new Set();
  const harden = (value) => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
    if (seen.has(value)) return;
    seen.add(value);
    for (const key of Reflect.ownKeys(value)) {
      const property = Reflect.getOwnPropertyDescriptor(value, key);
      harden(property.value);
      harden(property.get);
      harden(property.set);
    }
    harden(Reflect.getPrototypeOf(value));
    if (value !== globalThis) Object.freeze(value);
  };
  // Reachable by syntax only.
  [
    function* () {}, async function () {}, async function* () {}, () => {}, /x/, [][Symbol.iterator](),
    new Map().entries(), new Set().entries(), "".matchAll(/x/g), ""[Symbol.iterator](),
  ].forEach(harden);
  harden(globalThis);
  for (const key of Reflect.ownKeys(globalThis)) {
    const property = Reflect.getOwnPropertyDescriptor(globalThis, key);
    if (property.configurable && "value" in property) {
      Object.defineProperty(globalThis, key, { writable: false, configurable: false });
    }
  }
  Object.preventExtensions(globalThis);
})();
