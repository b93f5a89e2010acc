// Verifies captured webhooks with other people's libraries: a JSON list of requests
// comes in, a list of verdicts by scheme goes out ("" is verified, else why not).
const crypto = require("node:crypto");
const {Webhook} = require("standardwebhooks");
const Stripe = require("stripe");
const {httpbis} = require("http-message-signatures");

const stripe = new Stripe("sk_test_any");

// Node's own ed25519 over what Standard Webhooks calls v1a, with a whpk_ key.
function v1a({publicKey, headers, body}) {
  const x = Buffer.from(publicKey.replace(/^whpk_/, ""), "base64").toString("base64url");
  const key = crypto.createPublicKey({key: {kty: "OKP", crv: "Ed25519", x}, format: "jwk"});
  const content = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  const signatures = headers["webhook-signature"].split(" ").map((s) => s.split(",")).filter(([version]) => version === "v1a");
  if (!signatures.some(([, s]) => crypto.verify(null, content, key, Buffer.from(s, "base64")))) throw new Error("no v1a verifies");
}

// RFC 9421 with a library of its own, RFC 9530 by hand, keys from the endpoint's JWKS.
async function rfc9421({url, headers, body, jwks}) {
  const digest = crypto.createHash("sha256").update(body).digest("base64");
  if (headers["content-digest"] !== `sha-256=:${digest}:`) throw new Error("the digest is of another body");
  const verified = await httpbis.verifyMessage({
    keyLookup: async ({keyid}) => {
      const jwk = jwks.keys.find((k) => k.kid === keyid);
      if (!jwk) return null;
      const key = crypto.createPublicKey({key: jwk, format: "jwk"});
      return {id: keyid, algs: ["ed25519"], verify: async (data, signature) => crypto.verify(null, data, key, signature)};
    },
    tolerance: 300,
    maxAge: 600, // this library counts it from created minus tolerance
    requiredParams: ["created", "keyid", "alg"],
    requiredFields: ["content-digest", "webhook-id", "webhook-timestamp", "@target-uri"],
    all: true,
  }, {method: "POST", url, headers});
  if (verified !== true) throw new Error("not verified");
}

async function verdict(request) {
  const {headers, body, secret} = request;
  const schemes = {
    v1: () => new Webhook(secret).verify(body, headers),
    stripe: () => stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret),
    v1a: () => v1a(request),
    rfc9421: () => rfc9421(request),
  };
  const verdicts = {};
  for (const [scheme, verify] of Object.entries(schemes)) {
    try {
      await verify();
      verdicts[scheme] = "";
    } catch (error) {
      verdicts[scheme] = error.message || "refused";
    }
  }
  return verdicts;
}

async function main() {
  let input = "";
  for await (const chunk of process.stdin) input += chunk;
  process.stdout.write(JSON.stringify(await Promise.all(JSON.parse(input).map(verdict))));
}

main();
