using Lora.Native;

namespace Lora.Tests.Native;

public class CublasWorkspaceTests
{
    private const long Light = 1 << 20;

    [Theory]
    [InlineData(8, null, 8_519_680)] // :4096:2:16:8
    [InlineData(7, null, 8_519_680)]
    [InlineData(9, null, 33_554_432)] // 32 MiB
    [InlineData(12, null, 33_554_432)]
    [InlineData(null, null, 33_554_432)] // not known: the most
    [InlineData(9, ":16:8", 131_072)]
    [InlineData(8, ":4096:2:16:8", 8_519_680)]
    [InlineData(8, "none", 8_519_680)] // as libtorch warns and goes on
    public void A_card_s_generation_or_the_user_s_setting_says_how_much(int? generation, string? config, long expected) =>
        Assert.Equal(expected + Light, CublasWorkspace.Bytes(generation, name => name == "CUBLAS_WORKSPACE_CONFIG" ? config : null));

    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("much", 1024)]
    public void Products_with_a_bias_have_memory_of_their_own(string light, long kilobytes) =>
        Assert.Equal(8_519_680 + (kilobytes << 10), CublasWorkspace.Bytes(8, name => name == "CUBLASLT_WORKSPACE_SIZE" ? light : null));
}
