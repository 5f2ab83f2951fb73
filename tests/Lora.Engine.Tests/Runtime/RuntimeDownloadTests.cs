using Lora.Native;
using Lora.Runtime;
using NuGet.Configuration;

namespace Lora.Tests.Runtime;

/// <summary>Packages from a feed over HTTP, which is cut, stopped and gone on with.</summary>
public sealed class RuntimeDownloadTests : IDisposable
{
    private const string Libtorch = "libtorch-cpu-linux-x64";

    private readonly TemporaryFolder folder = new();
    private readonly StubPackages packages;
    private readonly IReadOnlyList<RuntimePackage> cpu;

    public RuntimeDownloadTests()
    {
        packages = new(folder.File("feed"));
        cpu = packages.Cpu();
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_package_is_fetched_once_and_nothing_stays_of_it()
    {
        using LocalFeed feed = new(packages);
        Notes notes = new();
        LoraRuntime runtime = RuntimeInstaller.Install(Options(feed), notes, TestContext.Current.CancellationToken);

        Assert.Equal(new string('t', 100_000), File.ReadAllText(Path.Combine(runtime.Path, "libtorch_cpu.so")));
        Assert.Equal([("torchsharp", 0), (Libtorch, 0)], feed.Fetched);
        Assert.Equal([RuntimeInstaller.Lock, Path.GetFileName(runtime.Path)], Directory.GetFileSystemEntries(Root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains(notes.Progress, progress => progress.Stage == "Fetching packages" && progress.Done == progress.Total);
    }

    [Fact]
    public void A_feed_that_has_packages_alone_will_do()
    {
        using LocalFeed feed = new(packages) { HasCatalog = false, HasNuspec = false };
        RuntimeInstaller.Install(Options(feed), new Notes(), TestContext.Current.CancellationToken);
        Assert.True(Directory.Exists(Runtime));
    }

    [Fact]
    public async Task A_feed_that_asks_who_asks_gets_the_credentials_of_its_source()
    {
        using LocalFeed feed = new(packages) { Authorization = "Basic " + Convert.ToBase64String("me:secret"u8) };
        LoraException refused = await Assert.ThrowsAsync<LoraException>(() => HttpFeed.OpenAsync(new(feed.Index), TestContext.Current.CancellationToken));
        Assert.Contains("401", refused.Message, StringComparison.Ordinal);

        PackageSource known = new(feed.Index) { Credentials = new("feed", "me", "secret", isPasswordClearText: true, validAuthenticationTypesText: null) };
        HttpFeed open = await HttpFeed.OpenAsync(known, TestContext.Current.CancellationToken);
        FoundPackage found = await open.FindAsync(cpu[1], TestContext.Current.CancellationToken);
        Assert.Equal(new FileInfo(packages.PathOf(Libtorch)).Length, found.Length);
    }

    [Fact]
    public void A_connection_that_is_cut_is_gone_on_with_where_it_was_cut()
    {
        using LocalFeed feed = new(packages) { CutAfter = 40_000 };
        RuntimeInstaller.Install(Options(feed), new Notes(), TestContext.Current.CancellationToken);

        long[] begins = [.. feed.Fetched.Where(fetched => fetched.Name == Libtorch).Select(fetched => fetched.From)];
        Assert.Equal([0, 40_000, 80_000], begins);
    }

    [Fact]
    public void A_feed_without_ranges_is_asked_for_the_whole_again()
    {
        using LocalFeed feed = new(packages) { CutAfter = 40_000, HasRanges = false };
        Assert.Equal(LoraError.PackageSourceUnreachable, Refused(Options(feed)).Error);

        feed.CutAfter = null;
        RuntimeInstaller.Install(Options(feed), new Notes(), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void What_was_stopped_is_gone_on_with_by_the_next()
    {
        using LocalFeed feed = new(packages) { CutAfter = 30_000 };
        using CancellationTokenSource stop = new();
        Notes notes = new() { OnProgress = progress => { if (progress is { Item: Libtorch, Done: > 40_000 }) { stop.Cancel(); } } };
        Assert.ThrowsAny<OperationCanceledException>(() => RuntimeInstaller.Install(Options(feed), notes, stop.Token));
        Assert.False(Directory.Exists(Runtime));

        feed.CutAfter = null;
        feed.Fetched.Clear();
        RuntimeInstaller.Install(Options(feed), new Notes(), TestContext.Current.CancellationToken);
        (string name, long from) = Assert.Single(feed.Fetched); // the other was whole
        Assert.Equal(Libtorch, name);
        Assert.InRange(from, 30_000, 100_000);
    }

    [Fact]
    public void What_was_kept_of_another_file_is_fetched_anew_and_only_a_second_failure_is_one()
    {
        using LocalFeed feed = new(packages);
        RuntimeOptions options = Options(feed);
        string downloads = Directory.CreateDirectory(Path.Combine(Root, ".downloads")).FullName;
        File.WriteAllText(Path.Combine(downloads, $"{Libtorch}.2.10.0.nupkg.part"), new string('x', 50_000));
        RuntimeInstaller.Install(options, new Notes(), TestContext.Current.CancellationToken);
        Assert.Equal([50_000, 0], feed.Fetched.Where(fetched => fetched.Name == Libtorch).Select(fetched => fetched.From));

        LoraException failure = Refused(options with { Overwrite = true, Packages = [options.Packages![0] with { Hash = "AAAA" }, options.Packages[1]] });
        Assert.Equal(LoraError.RuntimePackageInvalid, failure.Error);
        Assert.Equal(2, feed.Fetched.Count(fetched => fetched.Name == "torchsharp") - 1);
        Assert.False(Directory.Exists(downloads));
    }

    [Fact]
    public void A_file_that_was_whole_when_its_process_was_killed_is_taken()
    {
        using LocalFeed feed = new(packages);
        RuntimeOptions options = Options(feed);
        string downloads = Directory.CreateDirectory(Path.Combine(Root, ".downloads")).FullName;
        File.Copy(packages.PathOf(Libtorch), Path.Combine(downloads, $"{Libtorch}.2.10.0.nupkg.part"));

        RuntimeInstaller.Install(options, new Notes(), TestContext.Current.CancellationToken);
        Assert.True(Directory.Exists(Runtime));
    }

    [Fact]
    public void Hashes_that_the_module_does_not_know_are_those_of_the_feed_s_catalogue()
    {
        using LocalFeed feed = new(packages);
        IReadOnlyList<RuntimePackage> cuda = packages.Cuda();
        RuntimeOptions options = Options(feed) with { Backend = LoraBackend.Cuda, Platform = "win-x64", Packages = cuda };
        Notes notes = new();
        LoraRuntime runtime = RuntimeInstaller.Install(options, notes, TestContext.Current.CancellationToken);
        Assert.Equal("one two three", File.ReadAllText(Path.Combine(runtime.Path, "torch_cuda.dll")));
        Assert.Empty(notes.Warnings);

        using LocalFeed plain = new(packages) { HasCatalog = false };
        RuntimeInstaller.Install(options with { Source = plain.Index, Overwrite = true }, notes, TestContext.Current.CancellationToken);
        Assert.Equal(5, notes.Warnings.Count);
    }

    [Fact]
    public void A_feed_that_does_not_answer_that_is_none_or_that_lacks_a_package_says_so()
    {
        using LocalFeed feed = new(packages);
        RuntimeOptions options = Options(feed);
        Assert.Equal(LoraError.RuntimePackageNotFound, Refused(options with { Packages = [new("libtorch-other", "1.0.0")] }).Error);
        Assert.Equal(LoraError.PackageSourceUnreachable, Refused(options with { Source = feed.Address + "nothing" }).Error);

        LoraException silent = Refused(options with { Source = "http://user:secret@127.0.0.1:9/v3/index.json?key=secret" });
        Assert.Equal(LoraError.PackageSourceUnreachable, silent.Error);
        Assert.DoesNotContain("secret", silent.Message, StringComparison.Ordinal);
        LoraException none = Refused(options with { Source = "ftp://user:secret@127.0.0.1/x?key=secret" });
        Assert.Equal(LoraError.PackageSourceUnreachable, none.Error);
        Assert.DoesNotContain("secret", none.ToString(), StringComparison.Ordinal);
        Assert.Equal("https://feed.example/v3/index.json", new RuntimeOptions { Source = "https://user:secret@feed.example/v3/index.json?key=secret" }.SourceName);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"resources":3}""")]
    [InlineData("""{"resources":[3]}""")]
    [InlineData("""{"resources":[{"@id":"packages","@type":"PackageBaseAddress/3.0.0"}]}""")]
    [InlineData("""{"resources":[{"@id":"http://[x","@type":"PackageBaseAddress/3.0.0"}]}""")]
    [InlineData("""{"resources":[{"@id":"file:///etc","@type":"PackageBaseAddress/3.0.0"}]}""")]
    public void An_index_that_is_none_is_said_so_with_the_feed_s_address(string index)
    {
        using LocalFeed feed = new(packages) { Said = (index, null, null) };
        LoraException failure = Refused(Options(feed));
        Assert.Equal(LoraError.PackageSourceUnreachable, failure.Error);
        Assert.Contains(feed.Index, failure.Message, StringComparison.Ordinal);
        Assert.Equal([RuntimeInstaller.Lock], Directory.GetFileSystemEntries(Root).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("[]", null)]
    [InlineData("""{"catalogEntry":3}""", null)]
    [InlineData(null, """<package><metadata><dependencies><dependency id="libtorch-x" version="of some kind"/></dependencies></metadata></package>""")]
    [InlineData(null, """<package><metadata><dependencies><dependency id="libtorch-x"/></dependencies></metadata></package>""")]
    [InlineData(null, "{}")]
    public void What_a_feed_says_of_a_package_and_is_nothing_is_no_hash_or_an_error_by_name(string? entry, string? nuspec)
    {
        using LocalFeed feed = new(packages) { Said = (null, entry, nuspec) };
        RuntimeOptions options = Options(feed) with { Backend = LoraBackend.Cuda, Platform = "win-x64", Packages = packages.Cuda() };
        Notes notes = new();
        if (nuspec is null)
        {
            RuntimeInstaller.Install(options, notes, TestContext.Current.CancellationToken);
            Assert.All(notes.Warnings, warning => Assert.Contains("is taken as it came", warning, StringComparison.Ordinal));
            Assert.Equal(5, notes.Warnings.Count);
        }
        else
        {
            Assert.Equal(LoraError.PackageSourceUnreachable, Refused(options).Error);
        }
    }

    [Theory]
    [InlineData("index.json")]
    [InlineData(".nuspec")]
    [InlineData(".nupkg")]
    public async Task Whoever_is_stopped_waits_for_no_answer_that_has_fallen_silent(string answer)
    {
        using CancellationTokenSource stop = new();
        using LocalFeed feed = new(packages) { Silent = answer, OnSilence = () => stop.CancelAfter(TimeSpan.FromMilliseconds(300)) }; // its reader waits for more by then
        RuntimeOptions options = Options(feed) with { Backend = LoraBackend.Cuda, Platform = "win-x64", Packages = packages.Cuda() };
        Task<LoraRuntime> installing = Task.Run(() => RuntimeInstaller.Install(options, new Notes(), stop.Token), TestContext.Current.CancellationToken);

        // NuGet's client itself gives up after a minute.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => installing.WaitAsync(TimeSpan.FromSeconds(40), TestContext.Current.CancellationToken));
    }

    private string Root => folder.File("runtime");

    private string Runtime => UserRuntime.Folder(Root, LoraBackend.Cpu, "linux-x64");

    private RuntimeOptions Options(LocalFeed feed) => new()
    {
        Source = feed.Index,
        Root = Root,
        Platform = "linux-x64",
        Packages = cpu,
        HasLibstdcxx = () => true,
    };

    private static LoraException Refused(RuntimeOptions options) => Assert.Throws<LoraException>(() => RuntimeInstaller.Install(options, new Notes()));
}
