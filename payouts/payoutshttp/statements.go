package payoutshttp

import (
	"bytes"
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// StatementSize is the largest statement that can be uploaded. A larger file comes the
// way a rail's bank leaves its files.
const StatementSize = 32 << 20

const statementsPath = "/v1/bank_statements"

type statementDoor struct{ books *reconcile.Books }

// StatementRoutes are the operations on /v1/bank_statements. They are a platform's
// own: a bank's statement tells of everybody.
func StatementRoutes(s *rest.Server, books *reconcile.Books) []rest.Route {
	d := statementDoor{books}
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "bank_statements", Handler: h, Returns: returns}
	}
	upload := route(http.MethodPost, statementsPath, s.Prepared(d.create), wire.BankStatement{})
	upload.Upload = StatementSize + 64<<10
	return []rest.Route{
		upload,
		route(http.MethodGet, statementsPath, s.Read(d.list), wire.List[wire.BankStatement]{}),
		route(http.MethodGet, statementsPath+"/{id}", s.Read(d.get), wire.BankStatement{}),
		route(http.MethodPost, statementsPath+"/{id}/retry", s.Prepared(d.retry), wire.BankStatement{}),
		route(http.MethodGet, statementsPath+"/{id}/lines", s.Read(d.lines), wire.List[wire.BankStatementLine]{}),
	}
}

// create imports before the transaction of the answer: an import has many of its own,
// and the same content counts once, whatever becomes of the answer.
func (d statementDoor) create(ctx context.Context, r *rest.Request) (rest.WriteHandler, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p struct {
		File   rest.Upload `form:"file,required"`
		Rail   string      `form:"rail"`
		Format string      `form:"format"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if p.File.Size() == 0 {
		return nil, fault.Invalidf("parameter_invalid_empty", "file", "The file is empty.")
	}
	f, err := d.books.Import(ctx, reconcile.Source{
		Platform: r.Scope.Platform, Livemode: r.Scope.Livemode, Rail: p.Rail, Name: p.File.Filename, Format: statement.Format(p.Format), Actor: r.Principal.KeyID,
	}, bytes.NewReader(p.File.Content))
	if err != nil {
		return nil, err
	}
	return d.answer(ctx, f)
}

func (d statementDoor) answer(ctx context.Context, f reconcile.File) (rest.WriteHandler, error) {
	shown, err := d.shown(ctx, f)
	return func(context.Context, bun.Tx, *rest.Request) (any, error) { return shown, nil }, err
}

func (d statementDoor) shown(ctx context.Context, f reconcile.File) (any, error) {
	details, err := d.books.Details(ctx, f)
	if err != nil {
		return nil, err
	}
	return f.Wire(details[f.ID]), nil
}

func (d statementDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p reconcile.FilesParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.books.Files(ctx, r.Scope, p)
	if err != nil {
		return nil, err
	}
	details, err := d.books.Details(ctx, found.Items...)
	if err != nil {
		return nil, err
	}
	return page.List(found, statementsPath, func(f reconcile.File) wire.BankStatement { return f.Wire(details[f.ID]) }), nil
}

func (d statementDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	f, err := d.books.Get(ctx, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return d.shown(ctx, f)
}

func (d statementDoor) retry(ctx context.Context, r *rest.Request) (rest.WriteHandler, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p struct {
		Format string `form:"format"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	f, err := d.books.Get(ctx, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	if f, err = d.books.Retry(ctx, f, statement.Format(p.Format)); err != nil {
		return nil, err
	}
	return d.answer(ctx, f)
}

func (d statementDoor) lines(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p struct {
		reconcile.LinesParams
		IncludeText bool `form:"include_text"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.books.Lines(ctx, r.Scope, r.Path("id"), p.LinesParams)
	if err != nil {
		return nil, err
	}
	shown := make([]wire.BankStatementLine, len(found.Items))
	for i, l := range found.Items {
		text := ""
		if p.IncludeText {
			plain, err := d.books.Text(l)
			if err != nil {
				return nil, err
			}
			text = plain.Reveal()
		}
		shown[i] = l.Wire(r.Scope.Livemode, text)
	}
	return wire.ListOf(statementsPath+"/"+r.Path("id")+"/lines", found.HasMore, shown), nil
}
