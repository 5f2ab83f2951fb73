using Lora.Native;

namespace Lora.Tests.Native;

public sealed class VisualCppRuntimeTests
{
    private const string NotFound = "Unable to load DLL 'c10.dll' or one of its dependencies: The specified module could not be found. (0x8007007E)";

    [Fact]
    public void What_it_lacks_is_named_where_a_library_finds_something_missing() =>
        Assert.Equal(["msvcp140.dll", "vcruntime140_1.dll"], VisualCppRuntime.Missing(NotFound, library => library == "vcruntime140.dll"));

    [Fact]
    public void It_is_not_blamed_where_it_is_there_or_the_failure_is_another_one()
    {
        Assert.Empty(VisualCppRuntime.Missing(NotFound, _ => true));
        Assert.Empty(VisualCppRuntime.Missing("not a valid Win32 application. (0x800700C1)", _ => false));
    }

    [Fact]
    public void The_error_says_where_to_get_it() => Assert.Contains(
        "Microsoft Visual C++ 2015-2022 Redistributable (x64)", LoraException.Of(LoraError.VisualCppRuntimeMissing, null, "win-x64", "deps", "msvcp140.dll").Problem.Advice, StringComparison.Ordinal);
}
