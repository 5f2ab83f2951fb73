using System.Text;
using Lora.Checkpoints;
using Lora.Hub;

namespace Lora.Tests.Hub;

public sealed class HubCacheTests : IDisposable
{
    private const string Name = "org/some-name";
    private const string First = "0123456789abcdef0123456789abcdef01234567";
    private const string Second = "01239999999bcdef0123456789abcdef01234567";

    private readonly CacheFolder folder = new();

    private HubCache Cache => folder.Cache;

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData("main")]
    [InlineData("v1.0")]
    [InlineData("refs/pr/1")]
    [InlineData(First)]
    [InlineData("01234")]
    [InlineData("01234ABC", false)]
    [InlineData("01234567")]
    public void A_revision_is_a_branch_a_tag_or_a_commit_whole_or_its_beginning(string? revision, bool isThere = true)
    {
        string first = folder.Add(Name, First, "main", "v1.0", "refs/pr/1");
        folder.Add(Name, Second, "next");

        Assert.Equal(isThere ? first : null, Cache.Find(Name, revision));
    }

    [Fact]
    public void Where_main_was_not_downloaded_the_only_commit_is_meant_and_of_several_none()
    {
        string first = folder.Add(Name, First);
        Assert.Equal(first, Cache.Snapshot(Name, null));

        folder.Add(Name, Second, "v2");
        LoraException exception = Assert.Throws<LoraException>(() => Cache.Snapshot(Name, null));
        Assert.Equal(LoraError.RevisionAmbiguous, exception.Error);
        Assert.Contains("01234567, 01239999 (v2)", exception.Message, StringComparison.Ordinal);
        Assert.Null(Cache.Find(Name, null));
    }

    [Fact]
    public void The_beginning_of_two_commits_is_none()
    {
        folder.Add(Name, First, "main");
        folder.Add(Name, Second);

        Assert.Equal(LoraError.RevisionAmbiguous, Assert.Throws<LoraException>(() => Cache.Snapshot(Name, "0123")).Error);
        Assert.Equal(LoraError.RevisionNotCached, Assert.Throws<LoraException>(() => Cache.Snapshot(Name, "012")).Error);
    }

    [Fact]
    public void What_is_not_there_is_said_with_the_cache_that_was_looked_at_and_the_command_that_downloads_it()
    {
        LoraException exception = Assert.Throws<LoraException>(() => Cache.Snapshot(Name, "v2"));

        Assert.Equal(LoraError.ModelNotCached, exception.Error);
        Assert.Contains(folder.Path, exception.Message, StringComparison.Ordinal);
        Assert.EndsWith("Install-LoraModel org/some-name -Revision v2", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file")]
    [InlineData("file/hub")]
    public void A_cache_that_is_a_file_or_in_one_is_said_so_once(string cache)
    {
        File.WriteAllText(Path.Combine(folder.Path, "file"), "");

        LoraException exception = Assert.Throws<LoraException>(() => new HubCache(Path.Combine(folder.Path, cache)).Snapshot(Name, null));
        Assert.Equal(LoraError.HubSettingInvalid, exception.Error);
        Assert.Contains($"'{Path.Combine(folder.Path, "file")}' is a file", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_revision_that_is_not_there_is_said_with_those_that_are()
    {
        folder.Add(Name, First, "main", "v1");

        LoraException exception = Assert.Throws<LoraException>(() => Cache.Snapshot(Name, "v2"));
        Assert.Equal(LoraError.RevisionNotCached, exception.Error);
        Assert.Contains("it has 01234567 (main, v1)", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith("Install-LoraModel org/some-name -Revision v2", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_branch_whose_commit_was_deleted_is_not_there()
    {
        folder.Add(Name, First, "main");
        folder.AddEmpty(Name, Second, "next");
        Directory.Delete(Path.Combine(folder.Repository(Name), "snapshots", Second));

        Assert.Equal(LoraError.RevisionNotCached, Assert.Throws<LoraException>(() => Cache.Snapshot(Name, "next")).Error);
    }

    [Fact]
    public void A_download_that_was_cut_is_told_by_the_shards_that_its_index_names_and_lacks()
    {
        folder.AddEmpty(Name, First, "main");
        folder.AddFile(Name, First, "model.safetensors.index.json", Encoding.UTF8.GetBytes("""{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"""));
        folder.AddFile(Name, First, "model-00001-of-00002.safetensors", [1]);

        LoraException exception = Assert.Throws<LoraException>(() => Cache.Snapshot(Name, null));
        Assert.Equal(LoraError.SnapshotIncomplete, exception.Error);
        Assert.Contains("lacks model-00002-of-00002.safetensors.", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith("Install-LoraModel org/some-name", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_of_which_one_came_and_the_index_did_not_are_told_by_their_numbers()
    {
        folder.AddEmpty(Name, First, "main");
        folder.AddFile(Name, First, "model-00002-of-00003.safetensors", [1]);

        Assert.Contains(
            "lacks model-00001-of-00003.safetensors, model-00003-of-00003.safetensors.", Assert.Throws<LoraException>(() => Cache.Snapshot(Name, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_whose_blob_was_deleted_is_a_missing_file()
    {
        folder.Add(Name, First, "main");
        folder.AddFile(Name, First, "tokenizer.json", content: null);

        Assert.Contains("lacks tokenizer.json.", Assert.Throws<LoraException>(() => Cache.Snapshot(Name, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_whose_weights_were_never_downloaded_says_the_command_that_does_it()
    {
        string snapshot = folder.AddEmpty(Name, First, "main");
        folder.AddFile(Name, First, "tokenizer.json", [1]);

        LoraException exception = Assert.Throws<LoraException>(() => ModuleTree.Read(snapshot));
        Assert.Equal(LoraError.NoSafetensors, exception.Error);
        Assert.Contains("Install-LoraModel org/some-name.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_folder_of_a_model_in_the_cache_is_its_snapshot_and_any_other_path_is_itself()
    {
        string snapshot = folder.Add(Name, First, "main");
        string repository = folder.Repository(Name);

        Assert.Equal(snapshot, HubCache.Resolve(repository));
        Assert.Equal(snapshot, HubCache.Resolve(repository + Path.DirectorySeparatorChar, "main"));
        Assert.Equal(snapshot, HubCache.Resolve(snapshot));
        Assert.Equal(folder.Path, HubCache.Resolve(folder.Path));
        Assert.Equal(LoraError.ConfigConflict, Assert.Throws<LoraException>(() => HubCache.Resolve(snapshot, "main")).Error);
    }

    [Fact]
    public void The_base_of_a_configuration_is_found_by_its_name_and_revision()
    {
        string first = folder.Add(Name, First, "main");
        string second = folder.Add(Name, Second, "next");

        Assert.Equal(first, Cache.BaseOf(new() { BaseModelNameOrPath = Name }));
        Assert.Equal(second, Cache.BaseOf(new() { BaseModelNameOrPath = Name, Revision = "next" }));
        Assert.Equal(LoraError.ModelNotCached, Assert.Throws<LoraException>(() => Cache.BaseOf(new() { BaseModelNameOrPath = "org/other" })).Error);
        Assert.Equal(LoraError.ModelNotKnown, Assert.Throws<LoraException>(() => Cache.BaseOf(new() { BaseModelNameOrPath = "/not/here" })).Error);
        Assert.Equal(LoraError.ModelNotKnown, Assert.Throws<LoraException>(() => Cache.BaseOf(new())).Error);
    }

    [Fact]
    public void Models_and_adapters_are_listed_by_their_names()
    {
        folder.Add("org/b", First, "main");
        folder.Add("gpt2", First, "main");
        folder.AddEmpty("me/adapter", First, "main");
        folder.AddFile("me/adapter", First, "adapter_config.json", "{}"u8.ToArray());
        Directory.CreateDirectory(Path.Combine(folder.Path, "models--org--without-snapshots"));
        Directory.CreateDirectory(Path.Combine(folder.Path, "datasets--org--rows", "snapshots"));

        Assert.Equal(["gpt2", "org/b"], Cache.Models(adapters: false).Select(model => model.Name));
        Assert.Equal(["me/adapter"], Cache.Models(adapters: true).Select(model => model.Name));
        Assert.Empty(new HubCache(Path.Combine(folder.Path, "nowhere")).Models(adapters: false));
    }

    [Theory]
    [InlineData("../../../etc")]
    [InlineData("/etc")]
    [InlineData("")]
    [InlineData("a//b")]
    [InlineData("v*")]
    [InlineData("[ab]")]
    public void A_revision_that_would_lead_out_of_the_cache_or_is_a_pattern_is_not_found(string revision)
    {
        folder.Add(Name, First, "main");

        Assert.Null(Cache.Find(Name, revision));
    }

    [Theory]
    [InlineData("../../etc")]
    [InlineData("a/b/c")]
    [InlineData("a--b")]
    [InlineData("org/*")]
    [InlineData("org/[ab]")]
    [InlineData("none/here")]
    public void What_is_not_in_the_cache_or_no_name_is_not_found(string name) => Assert.Null(Cache.Find(name, null));
}
