using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Lora.Tests.Hubs;

/// <summary>HTTP/1.1 on a port of 127.0.0.1, plain enough that a test decides at which byte a connection is cut.</summary>
internal sealed class LocalServer : IDisposable
{
    private const int ChunkBytes = 64 * 1024;

    private readonly string name;
    private readonly Func<LocalRequest, Task<LocalResponse>> answer;
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource closing = new();
    private readonly ConcurrentDictionary<Socket, bool> open = new();

    /// <param name="name">What requests say that they came to.</param>
    /// <param name="answer">Answers a request.</param>
    public LocalServer(string name, Func<LocalRequest, Task<LocalResponse>> answer)
    {
        this.name = name;
        this.answer = answer;
        listener.Start();
        Address = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        _ = Task.Run(AcceptAsync);
    }

    /// <summary>Its address, without a slash at its end.</summary>
    public string Address { get; }

    public void Dispose()
    {
        closing.Cancel(); // and not disposed: connections may look at it still
        listener.Stop();
        foreach (Socket socket in open.Keys)
        {
            socket.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        while (!closing.IsCancellationRequested)
        {
            try
            {
                Socket socket = await listener.AcceptSocketAsync(closing.Token);
                _ = Task.Run(() => ServeAsync(socket));
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        open.TryAdd(socket, true);
        try
        {
            socket.NoDelay = true;
            await using NetworkStream network = new(socket);
            await using BufferedStream stream = new(network, ChunkBytes);
            while (await ReadAsync(stream) is LocalRequest request && await WriteAsync(stream, socket, request, await answer(request)))
            {
                // The connection stands for the next request.
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The client has gone, or the server closes.
        }
        finally
        {
            open.TryRemove(socket, out _);
            socket.Dispose();
        }
    }

    private async Task<LocalRequest?> ReadAsync(Stream stream)
    {
        if (await LineAsync(stream) is not { Length: > 0 } first)
        {
            return null;
        }

        string[] words = first.Split(' ');
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        while (await LineAsync(stream) is { Length: > 0 } line)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        byte[] body = headers.TryGetValue("Transfer-Encoding", out string? encoding) && encoding == "chunked"
            ? await ChunksAsync(stream)
            : new byte[long.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture)];
        if (encoding is null)
        {
            await stream.ReadExactlyAsync(body, closing.Token);
        }

        // A proxy is told the whole address.
        string target = words[1].StartsWith('/') ? words[1] : new Uri(words[1]).PathAndQuery;
        return new(name, words[0], target, headers, body);
    }

    private async Task<byte[]> ChunksAsync(Stream stream)
    {
        List<byte> body = [];
        while (true)
        {
            byte[] chunk = new byte[int.Parse(await LineAsync(stream) ?? "0", NumberStyles.HexNumber, CultureInfo.InvariantCulture)];
            await stream.ReadExactlyAsync(chunk, closing.Token);
            await LineAsync(stream);
            if (chunk.Length == 0)
            {
                return [.. body];
            }

            body.AddRange(chunk);
        }
    }

    private static async Task<string?> LineAsync(Stream stream)
    {
        List<byte> line = [];
        byte[] letter = new byte[1];
        while (await stream.ReadAsync(letter) == 1)
        {
            if (letter[0] == '\n')
            {
                return Encoding.Latin1.GetString([.. line]).TrimEnd('\r');
            }

            line.Add(letter[0]);
        }

        return null;
    }

    /// <returns>Whether the connection can take another request.</returns>
    private async Task<bool> WriteAsync(Stream stream, Socket socket, LocalRequest request, LocalResponse response)
    {
        StringBuilder head = new($"HTTP/1.1 {response.Status} {(HttpStatusCode)response.Status}\r\nContent-Length: {response.BodyLength}\r\n");
        foreach ((string header, string value) in response.Headers)
        {
            head.Append(CultureInfo.InvariantCulture, $"{header}: {value}\r\n");
        }

        await stream.WriteAsync(Encoding.Latin1.GetBytes(head.Append("\r\n").ToString()), closing.Token);
        bool isWhole = request.Method == "HEAD" || await BodyAsync(stream, response);
        await stream.FlushAsync(closing.Token);
        if (response.StallAfter is not null && !isWhole)
        {
            await Task.Delay(Timeout.Infinite, closing.Token);
        }

        if (!isWhole)
        {
            socket.LingerState = new(true, 0);
        }

        return isWhole && request.Header("Connection")?.Equals("close", StringComparison.OrdinalIgnoreCase) != true;
    }

    /// <returns>Whether all of it was sent.</returns>
    private async Task<bool> BodyAsync(Stream stream, LocalResponse response)
    {
        long last = Math.Min(response.BodyLength, Math.Min(response.CutAfter ?? long.MaxValue, response.StallAfter ?? long.MaxValue));
        byte[] buffer = new byte[ChunkBytes];
        for (long sent = 0; sent < last;)
        {
            int count = (int)Math.Min(buffer.Length, last - sent);
            response.File!.Read(response.Offset + sent, buffer.AsSpan(0, count));
            if (response.IsCorrupt && sent == 0)
            {
                buffer[0] ^= 1;
            }

            await stream.WriteAsync(buffer.AsMemory(0, count), closing.Token);
            sent += count;
        }

        return last == response.BodyLength && response.CutAfter is null && response.StallAfter is null;
    }
}
