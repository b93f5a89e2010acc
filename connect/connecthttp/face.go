package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/idempotency"
)

// face shows what an operation returned, or its error, in another shape than its own.
type face func(ctx context.Context, idb bun.IDB, object any, failure error) (any, error)

// faced runs an operation of steps and shows its outcome through a face, also in
// the answer saved for its idempotency key. (A request that died on the way is
// answered by the sweeper, which knows only the operation's own shape.)
func faced(ctx context.Context, idb bun.IDB, show face, run func(context.Context) (any, error)) (any, error) {
	if claim := idempotency.From(ctx); claim != nil {
		render := claim.Render
		claim.Render = func(ctx context.Context, idb bun.IDB, object any, failure error) (idempotency.Response, error) {
			object, failure = show(ctx, idb, object, failure)
			return render(ctx, idb, object, failure)
		}
	}
	object, err := run(ctx)
	switch object.(type) {
	case idempotency.Response, idempotency.Outcome:
		return object, err // rendered already
	}
	return show(ctx, idb, object, err)
}
