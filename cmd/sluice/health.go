package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/rest"
)

// healthRoutes tell supervisors whether to restart (livez) or to send traffic (readyz).
func (a *App) healthRoutes() []rest.Route {
	return []rest.Route{
		{Method: "GET", Path: "/livez", Public: true, Handler: http.HandlerFunc(a.livez)},
		{Method: "GET", Path: "/readyz", Public: true, Handler: http.HandlerFunc(a.readyz)},
	}
}

func (a *App) livez(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readyz needs the database. The broker is told but not needed: while it is away the log keeps every event.
func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	checks := map[string]string{"status": "ok", "database": "ok", "broker": "ok"}
	status := http.StatusOK
	if err := mustBeMigrated(ctx, a.pool); err != nil {
		checks["status"], checks["database"], status = "not ready", "unreachable or not migrated", http.StatusServiceUnavailable
	}
	if err := a.bus.Check(ctx); err != nil {
		checks["broker"] = "unreachable"
	}
	writeHealth(w, status, checks)
}

func writeHealth(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// parseSpan reads a duration with days: "2d", "36h", "1d12h".
func parseSpan(s string) (time.Duration, error) {
	var days time.Duration
	if head, tail, found := strings.Cut(s, "d"); found {
		n, err := strconv.ParseInt(head, 10, 32)
		if err != nil {
			return 0, err
		}
		days, s = time.Duration(n)*24*time.Hour, tail
	}
	if s == "" {
		return days, nil
	}
	rest, err := time.ParseDuration(s)
	return days + rest, err
}
