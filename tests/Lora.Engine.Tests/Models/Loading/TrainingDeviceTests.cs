using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public class TrainingDeviceTests
{
    [Theory]
    [InlineData(6, 1, ScalarType.Float16)]
    [InlineData(7, 0, ScalarType.Float16)]
    [InlineData(7, 5, ScalarType.Float16)]
    [InlineData(8, 0, ScalarType.BFloat16)]
    [InlineData(8, 9, ScalarType.BFloat16)]
    [InlineData(12, 0, ScalarType.BFloat16)]
    public void A_GPU_computes_in_bfloat16_from_Ampere_on(int major, int minor, ScalarType expected) =>
        Assert.Equal(expected, TrainingDevice.FastestType((major, minor)));

    [Fact]
    public void A_GPU_of_which_nothing_is_known_computes_in_bfloat16() => Assert.Equal(ScalarType.BFloat16, TrainingDevice.FastestType(null));

    [Theory]
    [InlineData(TrainingDataType.Auto, ScalarType.Float32)]
    [InlineData(TrainingDataType.Float32, ScalarType.Float32)]
    [InlineData(TrainingDataType.BFloat16, ScalarType.BFloat16)]
    [InlineData(TrainingDataType.Float16, ScalarType.Float16)]
    public void A_CPU_computes_in_what_is_asked_for_and_else_in_float32(TrainingDataType asked, ScalarType expected) =>
        Assert.Equal(expected, TrainingDevice.Type(asked, CPU));

    [Theory]
    [InlineData(TrainingDataType.Float32, ScalarType.Float32)]
    [InlineData(TrainingDataType.BFloat16, ScalarType.BFloat16)]
    [InlineData(TrainingDataType.Float16, ScalarType.Float16)]
    public void A_GPU_computes_in_what_is_asked_for(TrainingDataType asked, ScalarType expected) =>
        Assert.Equal(expected, TrainingDevice.Type(asked, new Device(DeviceType.CUDA, 0)));
}
