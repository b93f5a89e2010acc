package developerpages

// snippet is how a receiver checks a signature in one language.
type snippet struct{ Language, Code string }

// snippets use the official Stripe libraries, which know the signature; the secret
// comes from the environment.
var snippets = []snippet{
	{"Go", `event, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), os.Getenv("WEBHOOK_SECRET"))
if err != nil {
	http.Error(w, "bad signature", http.StatusBadRequest)
	return
}`},
	{"Node.js", `const event = stripe.webhooks.constructEvent(
  req.body, req.headers["stripe-signature"], process.env.WEBHOOK_SECRET);`},
	{"Python", `event = stripe.Webhook.construct_event(
    request.data, request.headers["Stripe-Signature"], os.environ["WEBHOOK_SECRET"])`},
	{"Ruby", `event = Stripe::Webhook.construct_event(
  request.body.read, request.env["HTTP_STRIPE_SIGNATURE"], ENV["WEBHOOK_SECRET"])`},
	{"PHP", `$event = \Stripe\Webhook::constructEvent(
    file_get_contents("php://input"), $_SERVER["HTTP_STRIPE_SIGNATURE"], getenv("WEBHOOK_SECRET"));`},
}
