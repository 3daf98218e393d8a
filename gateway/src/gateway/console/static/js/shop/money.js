// Prices are whole hundredths of a currency; they become a fraction only to be shown.

export const money = (cents, currency) => new Intl.NumberFormat(undefined, { style: "currency", currency }).format(cents / 100);
