using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public class EmbeddingScaleTests
{
    [Theory]
    [InlineData(ScalarType.Float64, 55.42562584220407)]
    [InlineData(ScalarType.Float32, 55.42562484741211)]
    [InlineData(ScalarType.BFloat16, 55.5)]
    public void It_is_the_root_of_the_hidden_size_as_the_dtype_has_it(ScalarType type, double expected)
    {
        EmbeddingShape gemma = new() { Scale = Math.Sqrt(3072), RoundsScale = true };

        Assert.Equal(expected, EmbeddingScale.Of(gemma, type));
        Assert.Null(EmbeddingScale.Of(new EmbeddingShape(), type));
    }
}
