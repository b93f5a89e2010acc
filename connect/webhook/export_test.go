package webhook

// ResumeMissed and ForgiveHealth are used by Update.
var (
	ResumeMissed  = resumeMissed
	ForgiveHealth = forgiveHealth
)
