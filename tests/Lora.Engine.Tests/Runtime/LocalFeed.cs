using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Lora.Tests.Runtime;

/// <summary>A feed with version 3 of NuGet's protocol on this machine, which serves a folder of packages, by ranges where it is asked to.</summary>
internal sealed class LocalFeed : IDisposable
{
    private readonly StubPackages packages;
    private readonly HttpListener listener;

    public LocalFeed(StubPackages packages)
    {
        this.packages = packages;
        (listener, Address) = Listen();
        _ = Task.Run(ServeAsync);
    }

    public string Address { get; }

    public string Index => Address + "v3/index.json";

    /// <summary>Bytes of a package after which a connection is cut; null for whole answers.</summary>
    public int? CutAfter { get; set; }

    /// <summary>Whether it has a catalogue with hashes.</summary>
    public bool HasCatalog { get; init; } = true;

    /// <summary>Whether it answers ranges.</summary>
    public bool HasRanges { get; init; } = true;

    /// <summary>How the addresses end whose answers begin and do not go on; null for none.</summary>
    public string? Silent { get; init; }

    /// <summary>Called when such an answer has begun.</summary>
    public Action OnSilence { get; init; } = () => { };

    /// <summary>Who asks must say this; null for everybody.</summary>
    public string? Authorization { get; init; }

    /// <summary>What it says in place of its index, of a catalogue's entry, of a nuspec; null for these.</summary>
    public (string? Index, string? Entry, string? Nuspec) Said { get; init; }

    /// <summary>Whether it has a package's nuspec by itself.</summary>
    public bool HasNuspec { get; init; } = true;

    /// <summary>What was asked for of packages: name and first byte. A question for their length is not among them.</summary>
    public ConcurrentQueue<(string Name, long From)> Fetched { get; } = [];

    public void Dispose() => listener.Close();

    /// <summary>Listens at a port that is free. A listener takes no port by itself, and one that was found may be another's a moment later.</summary>
    private static (HttpListener Listener, string Address) Listen()
    {
        while (true)
        {
            using TcpListener free = new(IPAddress.Loopback, 0);
            free.Start();
            string address = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/";
            free.Stop();
            HttpListener listener = new() { Prefixes = { address } };
            try
            {
                listener.Start();
                return (listener, address);
            }
            catch (HttpListenerException)
            {
                listener.Close();
            }
        }
    }

    private async Task ServeAsync()
    {
        while (listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            _ = Task.Run(() => Answer(context));
        }
    }

    private void Answer(HttpListenerContext context)
    {
        HttpListenerResponse response = context.Response;
        try
        {
            string path = context.Request.Url!.AbsolutePath;
            string name = Path.GetFileNameWithoutExtension(path);
            string id = path.Split('/') is [.., string folder, _, _] ? folder : "";
            if (Authorization is not null && context.Request.Headers["Authorization"] != Authorization)
            {
                response.StatusCode = 401;
                response.Headers["WWW-Authenticate"] = "Basic realm=\"feed\"";
                response.Close();
            }
            else if (Silent is not null && path.EndsWith(Silent, StringComparison.Ordinal))
            {
                response.ContentLength64 = 1000;
                response.OutputStream.Write("<"u8);
                response.OutputStream.Flush();
                OnSilence();
            }
            else if (path == "/v3/index.json")
            {
                string catalog = HasCatalog ? $$""", {"@id":"{{Address}}registration/","@type":"RegistrationsBaseUrl/3.6.0"}""" : "";
                Say(response, Said.Index ?? $$"""{"version":"3.0.0","resources":[{"@id":"{{Address}}packages/","@type":"PackageBaseAddress/3.0.0"}{{catalog}}]}""");
            }
            else if (path.StartsWith("/registration/", StringComparison.Ordinal))
            {
                Say(response, Said.Entry ?? $$"""{"catalogEntry":"{{Address}}catalog/{{path.Split('/')[2]}}.json"}""");
            }
            else if (path.StartsWith("/catalog/", StringComparison.Ordinal) && File.Exists(packages.PathOf(name)))
            {
                Say(response, $$"""{"packageHash":"{{packages.HashOf(name)}}","packageHashAlgorithm":"SHA512"}""");
            }
            else if (HasNuspec && path.EndsWith(".nuspec", StringComparison.Ordinal) && File.Exists(packages.PathOf(id)))
            {
                using ZipArchive archive = ZipFile.OpenRead(packages.PathOf(id));
                using StreamReader nuspec = new(archive.Entries.First(entry => entry.Name.EndsWith(".nuspec", StringComparison.Ordinal)).Open());
                Say(response, Said.Nuspec ?? nuspec.ReadToEnd());
            }
            else if (path.EndsWith(".nupkg", StringComparison.Ordinal) && File.Exists(packages.PathOf(id)))
            {
                Give(context, id);
            }
            else
            {
                response.StatusCode = 404;
                response.Close();
            }
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException or IOException)
        {
            response.Abort(); // whoever asked is gone
        }
    }

    private void Give(HttpListenerContext context, string id)
    {
        byte[] content = File.ReadAllBytes(packages.PathOf(id));
        string[] range = HasRanges && context.Request.Headers["Range"] is string asked ? asked["bytes=".Length..].Split('-') : [];
        int from = range.Length > 0 ? int.Parse(range[0], null) : 0;
        int to = range.Length > 0 && range[1].Length > 0 ? int.Parse(range[1], null) : content.Length - 1;
        if (range.Length == 0 || range[1].Length == 0)
        {
            Fetched.Enqueue((id, from));
        }

        HttpListenerResponse response = context.Response;
        if (from >= content.Length)
        {
            response.StatusCode = 416;
            response.Headers["Content-Range"] = $"bytes */{content.Length}";
            response.Close();
            return;
        }

        int count = to - from + 1;
        if (range.Length > 0)
        {
            response.StatusCode = 206;
            response.Headers["Content-Range"] = $"bytes {from}-{to}/{content.Length}";
        }

        response.ContentLength64 = count;
        if (CutAfter is int most && count > most)
        {
            response.OutputStream.Write(content, from, most);
            response.OutputStream.Flush();
            response.Abort();
            return;
        }

        response.OutputStream.Write(content, from, count);
        response.Close();
    }

    private static void Say(HttpListenerResponse response, string text)
    {
        response.ContentType = "application/json";
        response.Close(Encoding.UTF8.GetBytes(text), willBlock: true);
    }
}
