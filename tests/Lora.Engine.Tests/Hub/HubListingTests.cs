using System.Text;
using Lora.Hub;
using Lora.Tests.Hubs;

namespace Lora.Tests.Hub;

/// <summary>Paths of a model that not every machine can have.</summary>
public sealed class HubListingTests : IDisposable
{
    private readonly HubFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("""{"sha":"x","siblings":[]}""")]
    [InlineData("""{"sha":"0123456789012345678901234567890123456789","siblings":[{"rfilename":"../x"}]}""")]
    [InlineData("""{"sha":"0123456789012345678901234567890123456789","siblings":[{"rfilename":"/x"}]}""")]
    [InlineData("""{"sha":"0123456789012345678901234567890123456789","siblings":[{"rfilename":"x","blobId":"../../x"}]}""")]
    [InlineData("""{"siblings":3}""")]
    [InlineData("""[]""")]
    [InlineData("""<html>""")]
    public async Task A_description_that_leads_out_of_the_cache_or_is_none_is_refused(string description)
    {
        using LocalHub other = new();
        other.Add("org/model", new Dictionary<string, LocalFile>());
        other.Answer = _ => new LocalResponse(200) { File = new(Encoding.UTF8.GetBytes(description)) };
        using HubClient client = new(new() { Cache = "none", Endpoint = new(other.Address) });
        Assert.Equal(LoraError.HubFailed, (await Assert.ThrowsAsync<LoraException>(() => HubListing.ReadAsync(client, new("org/model"), default))).Error);
    }

    [Theory]
    [InlineData("config.json", true)]
    [InlineData("text_encoder/model.safetensors", true)]
    [InlineData("console.json", true)]
    [InlineData("com10.json", true)]
    [InlineData(@"C:\x", false)]
    [InlineData("C:x", false)]
    [InlineData("config.json:stream", false)]
    [InlineData(@"..\x", false)]
    [InlineData("nul", false)]
    [InlineData("a/AUX.json", false)]
    [InlineData("com1 .json", false)]
    [InlineData("config.json.", false)]
    [InlineData("config.json ", false)]
    [InlineData(".. ./x", false)]
    [InlineData("a\tb", false)]
    [InlineData("what?", false)]
    public void Under_Windows_no_path_means_another_file_a_stream_or_a_device(string path, bool isNameable)
    {
        HubFile file = new(path, 1, null);
        Assert.Equal(isNameable, file.IsNameable(isWindows: true));
        Assert.True(file.IsNameable(isWindows: false));
    }

    [Fact]
    public async Task A_model_is_downloaded_whatever_lies_beside_what_is_needed_of_it()
    {
        folder.Repository.Push(new Dictionary<string, LocalFile>(folder.Repository.Files) { ["logs/12:30:00.log"] = new("started"u8.ToArray()), ["aux.txt"] = new("x"u8.ToArray()) });

        LoraInstalledModel model = await folder.DownloadAsync();
        folder.AssertWhole(model);
        Assert.DoesNotContain(model.File, file => file.Contains("log", StringComparison.Ordinal));
    }

    [Fact]
    public void A_path_that_is_said_twice_is_one_file()
    {
        using System.Text.Json.JsonDocument description = System.Text.Json.JsonDocument.Parse(Encoding.UTF8.GetBytes(
            """{"sha":"0123456789012345678901234567890123456789","siblings":[{"rfilename":"config.json"},{"rfilename":"config.json"}]}"""));
        Assert.Single(HubListing.Of(new("org/model"), description.RootElement, "hub").Files);
    }
}
