// Logs in and places an order with the defaults of HttpClient, which offers an upgrade to h2c on its first request.
// Arguments: the gateway's URL, email, password, SKU. Prints the status of each response.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

class LogInAndOrder {
    public static void main(String[] args) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        String credentials = "{\"email\": \"%s\", \"password\": \"%s\"}".formatted(args[1], args[2]);
        HttpResponse<String> login = client.send(post(args[0] + "/login", credentials).build(), BodyHandlers.ofString());
        System.out.println(login.statusCode());
        Matcher token = Pattern.compile("\"access_token\": ?\"([^\"]+)\"").matcher(login.body());
        token.find();
        String order = "{\"items\": [{\"sku\": \"%s\", \"quantity\": 1}]}".formatted(args[3]);
        HttpRequest place = post(args[0] + "/orders", order).header("Authorization", "Bearer " + token.group(1)).build();
        System.out.println(client.send(place, BodyHandlers.ofString()).statusCode());
    }

    static HttpRequest.Builder post(String url, String body) {
        return HttpRequest.newBuilder(URI.create(url))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body));
    }
}
