package calendar

// hongKong is the general holidays of Hong Kong (General Holidays Ordinance, Cap.
// 149) on which banks, CHATS and clearing are closed, from the lists that the
// Government gazettes and publishes at https://www.gov.hk/en/about/abouthk/holiday/
// (2024 to 2027). Sundays are general holidays too and are not listed.
//
// 2028 is not gazetted yet. Its days follow from the Ordinance and the almanac of
// the Hong Kong Observatory; compare it with the Gazette when it appears.
//
// Compared on 2026-11-25 with python-holidays 0.109, public and optional days: it lists
// every day below; it has besides the Sundays that these days stand in for.
//
// What makes lists of others wrong (the Ordinance, section 6 and schedule):
//   - A holiday that falls on a Sunday moves to the next day that is not itself a
//     holiday. 2026: Ching Ming is Sunday 5 April, so 6 April; that is Easter Monday,
//     which moves on to 7 April.
//   - Of Lunar New Year's first three days the one on a Sunday is made up for by the
//     fourth: 13 February 2024, 9 February 2027.
//   - It is the day after the Mid-Autumn Festival that is kept, and the first weekday
//     after Christmas (Saturdays are weekdays here): 27 December 2027.
//     (python-holidays 0.109 has 3 October 2028 besides; the Gazette of 2027 will tell.)
//   - Saturdays are listed although banks do not clear on them anyway.
const hongKong = `
2024-01-01,The first day of January
2024-02-10,Lunar New Year's Day
2024-02-12,The third day of Lunar New Year
2024-02-13,The fourth day of Lunar New Year
2024-03-29,Good Friday
2024-03-30,The day following Good Friday
2024-04-01,Easter Monday
2024-04-04,Ching Ming Festival
2024-05-01,Labour Day
2024-05-15,The Birthday of the Buddha
2024-06-10,Tuen Ng Festival
2024-07-01,Hong Kong Special Administrative Region Establishment Day
2024-09-18,The day following the Chinese Mid-Autumn Festival
2024-10-01,National Day
2024-10-11,Chung Yeung Festival
2024-12-25,Christmas Day
2024-12-26,The first weekday after Christmas Day
2025-01-01,The first day of January
2025-01-29,Lunar New Year's Day
2025-01-30,The second day of Lunar New Year
2025-01-31,The third day of Lunar New Year
2025-04-04,Ching Ming Festival
2025-04-18,Good Friday
2025-04-19,The day following Good Friday
2025-04-21,Easter Monday
2025-05-01,Labour Day
2025-05-05,The Birthday of the Buddha
2025-05-31,Tuen Ng Festival
2025-07-01,Hong Kong Special Administrative Region Establishment Day
2025-10-01,National Day
2025-10-07,The day following the Chinese Mid-Autumn Festival
2025-10-29,Chung Yeung Festival
2025-12-25,Christmas Day
2025-12-26,The first weekday after Christmas Day
2026-01-01,The first day of January
2026-02-17,Lunar New Year's Day
2026-02-18,The second day of Lunar New Year
2026-02-19,The third day of Lunar New Year
2026-04-03,Good Friday
2026-04-04,The day following Good Friday
2026-04-06,The day following Ching Ming Festival
2026-04-07,The day following Easter Monday
2026-05-01,Labour Day
2026-05-25,The day following the Birthday of the Buddha
2026-06-19,Tuen Ng Festival
2026-07-01,Hong Kong Special Administrative Region Establishment Day
2026-09-26,The day following the Chinese Mid-Autumn Festival
2026-10-01,National Day
2026-10-19,The day following Chung Yeung Festival
2026-12-25,Christmas Day
2026-12-26,The first weekday after Christmas Day
2027-01-01,The first day of January
2027-02-06,Lunar New Year's Day
2027-02-08,The third day of Lunar New Year
2027-02-09,The fourth day of Lunar New Year
2027-03-26,Good Friday
2027-03-27,The day following Good Friday
2027-03-29,Easter Monday
2027-04-05,Ching Ming Festival
2027-05-01,Labour Day
2027-05-13,The Birthday of the Buddha
2027-06-09,Tuen Ng Festival
2027-07-01,Hong Kong Special Administrative Region Establishment Day
2027-09-16,The day following the Chinese Mid-Autumn Festival
2027-10-01,National Day
2027-10-08,Chung Yeung Festival
2027-12-25,Christmas Day
2027-12-27,The first weekday after Christmas Day
2028-01-01,The first day of January
2028-01-26,Lunar New Year's Day
2028-01-27,The second day of Lunar New Year
2028-01-28,The third day of Lunar New Year
2028-04-04,Ching Ming Festival
2028-04-14,Good Friday
2028-04-15,The day following Good Friday
2028-04-17,Easter Monday
2028-05-01,Labour Day
2028-05-02,The Birthday of the Buddha
2028-05-29,The day following Tuen Ng Festival
2028-07-01,Hong Kong Special Administrative Region Establishment Day
2028-10-02,The day following National Day
2028-10-04,The day following the Chinese Mid-Autumn Festival
2028-10-26,Chung Yeung Festival
2028-12-25,Christmas Day
2028-12-26,The first weekday after Christmas Day
`
