package file

import "github.com/sluicepay/sluice/platform/wire"

// Wire is the file as the API shows it.
func (f File) Wire() wire.File {
	return wire.File{
		ID: f.ID, Object: "file", Created: wire.Unix(f.CreatedAt), ExpiresAt: wire.NullableUnix(f.ExpiresAt), Filename: wire.Nullable(f.Filename),
		Links: wire.ListOf[wire.Ref]("/v1/file_links?file="+f.ID, false, nil), Purpose: f.Purpose, Size: f.Size, Type: wire.Nullable(f.Type),
	}
}
