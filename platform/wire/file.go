package wire

// File is something that an account uploaded, or a report of its own.
type File struct {
	ID        string    `json:"id"`
	Object    string    `json:"object"` // always "file"
	Created   int64     `json:"created"`
	ExpiresAt *int64    `json:"expires_at"` // from when on there is no content any more
	Filename  *string   `json:"filename"`
	Links     List[Ref] `json:"links"` // always empty: files are not shared by link
	Purpose   string    `json:"purpose"`
	Size      int64     `json:"size"`
	Title     *string   `json:"title"`
	Type      *string   `json:"type"` // gif, jpg, pdf, png or csv
	URL       *string   `json:"url"`  // of reports; null for uploads, whose contents are not handed out
}
