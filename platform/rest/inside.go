package rest

import "context"

type insideKey struct{}

// Inside marks a request that a page of ours makes within the process. Nothing that
// comes over the network can carry the mark.
func Inside(ctx context.Context) context.Context { return context.WithValue(ctx, insideKey{}, true) }

// IsInside reports whether a request was made by a page of ours.
func IsInside(ctx context.Context) bool { is, _ := ctx.Value(insideKey{}).(bool); return is }
