export const issuer = "http://localhost:8080";
export const clientId = "orders-page";
