import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Answers with a line of its own, and at /user with that of a program. The other paths are what an intruder would do
 * with it: start a shell, write a program and run it, connect elsewhere, read the token of the service account.
 */
public class Server {
    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        answer(server, "/", () -> "java");
        answer(server, "/user", () -> output("/usr/bin/id", "-un"));
        answer(server, "/shell", () -> output("/bin/sh", "-c", "echo shell"));
        answer(server, "/binary", () -> {
            Path written = Path.of("/tmp/written");
            Files.copy(Path.of("/usr/bin/printf"), written, StandardCopyOption.REPLACE_EXISTING);
            written.toFile().setExecutable(true);
            return output("/tmp/written", "binary");
        });
        answer(server, "/outside", () -> {
            new Socket("127.0.0.1", 81).close();
            return "outside";
        });
        answer(server, "/token", () -> Files.readString(Path.of("/run/secrets/kubernetes.io/serviceaccount/token")).trim());
        server.start();
    }

    interface Text {
        String get() throws Exception;
    }

    static String output(String... words) throws Exception {
        Process process = new ProcessBuilder(words).start();
        String text = new String(process.getInputStream().readAllBytes()).trim();
        if (process.waitFor() != 0) {
            throw new Exception("it ended with an error");
        }
        return text;
    }

    static void answer(HttpServer server, String path, Text text) {
        server.createContext(path, exchange -> {
            try {
                byte[] line = (text.get() + "\n").getBytes();
                exchange.sendResponseHeaders(200, line.length);
                exchange.getResponseBody().write(line);
            } catch (Exception exception) {
                exchange.sendResponseHeaders(500, -1);
            } finally {
                exchange.close();
            }
        });
    }
}
