package auditlog

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/rest/requestlog"
	"github.com/sluicepay/sluice/platform/wire"
)

// exportPage bounds how much of an export is in memory.
const exportPage = 500

// head are the columns of an export as CSV.
var head = []string{
	"id", "created", "actor", "action", "outcome", "related_object", "for_account", "method", "path", "status", "error_code", "reason", "ip", "request",
}

// formats are what an export may be, and the media types.
var formats = map[string]string{"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}

// export is the list as a file, whole, newest first: CSV, or the objects of the API one
// a line. With signed, the file comes in an archive with what proves it (see Manifest).
// Who took the log out of the house is in the log too, before they have it.
func (d door) export(ctx context.Context, r *rest.Request) (rest.Attachment, error) {
	var p struct {
		narrowing
		Format string `form:"format"`
		Signed bool   `form:"signed"`
	}
	if err := r.Decode(&p); err != nil {
		return rest.Attachment{}, err
	}
	if p.Format == "" {
		p.Format = "csv"
	}
	media, known := formats[p.Format]
	if !known {
		return rest.Attachment{}, fault.Invalidf("parameter_invalid", "format", "Invalid format: must be csv or jsonl.")
	}
	if err := p.check(); err != nil {
		return rest.Attachment{}, err
	}
	x := export{
		pool: d.pool, scope: of(r), narrowing: p.narrowing, format: writers[p.Format], seal: d.seal,
		manifest: Manifest{
			Account: keeper(r), Livemode: r.Scope.Livemode, File: "audit_log." + p.Format, Filters: p.narrowing.named(), CreatedAt: d.log.clock.Now().UTC(),
		},
	}
	if r.Scope.Account != x.manifest.Account {
		x.manifest.ForAccount = r.Scope.Account
	}
	if r.Method == http.MethodGet {
		act, err := d.log.exported(ctx, r, x.manifest.Filters, p.Format, p.Signed)
		if err != nil {
			return rest.Attachment{}, err
		}
		x.manifest.Act = act
	}
	if p.Signed {
		return rest.Attachment{Name: "audit_log.zip", Type: "application/zip", Write: func(w io.Writer) error { return x.archive(ctx, w) }}, nil
	}
	return rest.Attachment{Name: x.manifest.File, Type: media, Write: func(w io.Writer) error { return x.rows(ctx, w) }}, nil
}

// named are the filters that are set, as the API has them.
func (n narrowing) named() map[string]string {
	out := map[string]string{}
	for name, value := range map[string]string{"actor": n.Actor, "action": n.Action, "related_object": n.Object, "outcome": n.Outcome} {
		if value != "" {
			out[name] = value
		}
	}
	if n.Created.From != nil {
		out["created[gte]"] = strconv.FormatInt(*n.Created.From, 10)
	}
	if n.Created.Until != nil {
		out["created[lt]"] = strconv.FormatInt(*n.Created.Until, 10)
	}
	return out
}

// exported writes that somebody takes an export. It fails with Unavailable, like Begin.
func (l *Log) exported(ctx context.Context, r *rest.Request, filters map[string]string, format string, signed bool) (string, error) {
	told := map[string]string{"format": format, "signed": strconv.FormatBool(signed)}
	for name, value := range filters {
		told[name] = requestlog.Word(value)
	}
	params, err := json.Marshal(told)
	if err != nil {
		return "", err
	}
	now := l.clock.Now()
	row := act{
		ID: id.New("act"), Account: keeper(r), Livemode: r.Scope.Livemode, ForAccount: r.Scope.Account, Actor: r.Principal.KeyID, Action: "audit_log.export",
		Method: r.Method, Path: r.URL.Path, Params: params, IP: rest.PeerIP(r.Request), RequestID: r.ID, CreatedAt: now,
	}
	if err := l.whole(ctx, row, outcome{ActID: row.ID, Status: http.StatusOK, EndedAt: now}); err != nil {
		return "", &fault.Error{Kind: fault.Unavailable, Err: fmt.Errorf("write an export: %w", err), Message: "This export cannot be recorded right now, so it was not made. Please try again."}
	}
	return row.ID, nil
}

// export is one on its way out.
type export struct {
	pool      *bun.DB
	scope     page.Filter
	narrowing narrowing
	format    func(io.Writer) writer
	seal      Seal
	manifest  Manifest
}

// writer is a format.
type writer struct {
	begin func() error
	row   func(*wire.AuditRecord) error
	flush func() error
}

// rows writes all records; the manifest counts them.
func (x *export) rows(ctx context.Context, to io.Writer) error {
	out := x.format(to)
	if err := out.begin(); err != nil {
		return err
	}
	for last := ""; ; {
		var rows []record
		q := page.Window(x.narrowing.narrow(x.scope(x.pool.NewSelect().Model(&rows))), "id", last, false, exportPage)
		if x.manifest.Act != "" {
			q = q.Where("a.id < ?", x.manifest.Act)
		}
		if err := q.Scan(ctx); err != nil {
			return fmt.Errorf("export acts: %w", err)
		}
		found := page.Cut(rows, false, exportPage)
		for i := range found.Items {
			if err := out.row(found.Items[i].wire()); err != nil {
				return err
			}
		}
		x.manifest.Records += int64(len(found.Items))
		if err := out.flush(); err != nil || !found.HasMore {
			return err
		}
		last = found.Items[exportPage-1].ID
	}
}

var writers = map[string]func(io.Writer) writer{"csv": asCSV, "jsonl": asLines}

func asCSV(w io.Writer) writer {
	out := csv.NewWriter(w)
	return writer{
		begin: func() error { return out.Write(head) },
		row:   func(r *wire.AuditRecord) error { return out.Write(line(r)) },
		flush: func() error { out.Flush(); return out.Error() },
	}
}

func asLines(w io.Writer) writer {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return writer{
		begin: func() error { return nil },
		row:   func(r *wire.AuditRecord) error { return out.Encode(r) },
		flush: func() error { return nil },
	}
}

func line(r *wire.AuditRecord) []string {
	status := ""
	if r.Status != nil {
		status = strconv.Itoa(*r.Status)
	}
	cells := []string{
		r.ID, time.Unix(r.Created, 0).UTC().Format(time.RFC3339), r.Actor, r.Action, r.Outcome, text(r.RelatedObject), r.ForAccount,
		r.Method, r.Path, status, text(r.ErrorCode), text(r.Reason), text(r.IP), text(r.Request),
	}
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell // spreadsheets would compute it
		}
	}
	return cells
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
