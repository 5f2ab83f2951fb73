using Lora.Hub;

namespace Lora.Tests.Hub;

/// <summary>The variables of the environment, by the rules of huggingface_hub's constants.py.</summary>
public sealed class HubEnvironmentTests
{
    private static readonly string Home = Path.GetFullPath("/home/ada");

    [Theory]
    [InlineData("", ".cache/huggingface/hub")]
    [InlineData("XDG_CACHE_HOME=/xdg", "/xdg/huggingface/hub")]
    [InlineData("XDG_CACHE_HOME=/xdg HF_HOME=/hf", "/hf/hub")]
    [InlineData("HF_HOME=~/hf", "hf/hub")]
    [InlineData("HF_HOME=$DATA/hf DATA=/data", "/data/hf/hub")]
    [InlineData("HF_HOME=${DATA}/hf DATA=/data", "/data/hf/hub")]
    [InlineData("HF_HOME=/hf HUGGINGFACE_HUB_CACHE=/old", "/old")]
    [InlineData("HF_HOME=/hf HUGGINGFACE_HUB_CACHE=/old HF_HUB_CACHE=/new", "/new")]
    [InlineData("HF_HUB_CACHE=", ".cache/huggingface/hub")]
    [InlineData("HF_HUB_CACHE=\u00A0 HF_HOME=/hf", "/hf/hub")] // blank, as a script may leave it
    public void The_cache_is_where_other_tools_look_for_it(string variables, string cache) =>
        Assert.Equal(Path.GetFullPath(Path.Combine(Home, cache)), Of(variables).Cache);

    [Theory]
    [InlineData("", false)]
    [InlineData("HF_HUB_OFFLINE=1", true)]
    [InlineData("HF_HUB_OFFLINE=yes", true)]
    [InlineData("HF_HUB_OFFLINE=on", true)]
    [InlineData("HF_HUB_OFFLINE=True", true)]
    [InlineData("HF_HUB_OFFLINE=2", false)]
    [InlineData("HF_HUB_OFFLINE=0", false)]
    [InlineData("TRANSFORMERS_OFFLINE=true", true)]
    [InlineData("HF_HUB_OFFLINE=0 TRANSFORMERS_OFFLINE=1", false)]
    public void Offline_is_what_says_yes(string variables, bool isOffline) => Assert.Equal(isOffline, Of(variables).IsOffline);

    [Theory]
    [InlineData("", "https://huggingface.co/")]
    [InlineData("HF_ENDPOINT=https://mirror.example/hf/", "https://mirror.example/hf")]
    [InlineData("HF_ENDPOINT=\u00A0", "https://huggingface.co/")]
    public void The_endpoint_is_the_public_one_or_that_which_is_named(string variables, string endpoint) => Assert.Equal(endpoint, Of(variables).Endpoint.AbsoluteUri);

    [Theory]
    [InlineData("mirror.example")]
    [InlineData("ftp://mirror.example")]
    [InlineData("https://ada:secret@mirror.example")]
    [InlineData("https://ada:secret@mirror.example?x=1")]
    [InlineData("ftp://ada:secret@mirror.example")]
    [InlineData("ada:secret@mirror.example")]
    [InlineData("https://mirror.example?key=secret")]
    public void An_endpoint_that_is_none_is_refused_without_its_password(string endpoint)
    {
        LoraException failure = Assert.Throws<LoraException>(() => Of("HF_ENDPOINT=" + endpoint).Endpoint);
        Assert.Equal(LoraError.HubSettingInvalid, failure.Error);
        Assert.DoesNotContain("secret", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_token_is_the_given_one_then_that_of_the_environment_then_that_of_the_file()
    {
        using TemporaryFolder folder = new();
        folder.Write("token", "hf_file\n");
        string home = $"HF_HOME={folder.Path}";
        Assert.Equal("hf_file", Of(home).Token!.Value);
        Assert.Equal("hf_file", Of($"HF_TOKEN_PATH={folder.File("token")}").Token!.Value);
        Assert.Equal("hf_variable", Of(home + " HF_TOKEN=hf_variable").Token!.Value);
        Assert.Equal("hf_given", HubOptions.From(Of(home + " HF_TOKEN=hf_variable"), HubToken.Of("hf_given")).Token!.Value);
        Assert.Null(Of(home + " HF_TOKEN=hf_variable HF_HUB_DISABLE_IMPLICIT_TOKEN=1").Token);
        Assert.Null(Of($"HF_HOME={folder.File("none")}").Token);
    }

    [Fact]
    public void A_token_s_file_that_holds_something_else_is_an_error_with_its_name_and_without_what_it_holds()
    {
        using TemporaryFolder folder = new();
        string token = folder.Write("token", "hf_secret of nobody");
        LoraException failure = Assert.Throws<LoraException>(() => Of($"HF_TOKEN_PATH={token}").Token);
        Assert.Equal(LoraError.HubSettingInvalid, failure.Error);
        Assert.Contains(token, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", failure.ToString(), StringComparison.Ordinal);

        failure = Assert.Throws<LoraException>(() => Of($"HF_TOKEN_PATH={folder.Path}").Token);
        Assert.Equal(LoraError.FileUnreadable, failure.Error);
        Assert.Contains(folder.Path, failure.Message, StringComparison.Ordinal);
        Assert.Equal("hf_given", HubOptions.From(Of($"HF_TOKEN_PATH={token}"), HubToken.Of("hf_given")).Token!.Value);
    }

    [Fact]
    public void A_place_that_is_no_full_path_begins_at_the_process_s_folder_and_is_warned_of()
    {
        HubEnvironment relative = Of("HF_HOME=hf HF_TOKEN_PATH=/token");
        Assert.Equal(Path.Combine(Environment.CurrentDirectory, "hf", "hub"), relative.Cache);
        Assert.Equal($"HF_HOME, 'hf', is no full path: it means '{Path.Combine(Environment.CurrentDirectory, "hf")}', wherever the shell is.", Assert.Single(HubOptions.From(relative).Warnings));
        Assert.Empty(Of("HF_HOME=~/hf HF_HUB_CACHE=$DATA/hub DATA=/data").Warnings);
    }

    private static HubEnvironment Of(string variables)
    {
        Dictionary<string, string> set = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToDictionary(part => part.Split('=', 2)[0], part => part.Split('=', 2)[1]);
        set["HOME"] = set["USERPROFILE"] = Home;
        return new(set.GetValueOrDefault);
    }
}
